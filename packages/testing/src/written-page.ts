import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Replaces the part of a page that a program writes: what stands between its marks.
 * @param file a Markdown file with the marks in it
 * @param command what writes it, as named in the first mark
 * @throws Error when the page has no such marks
 */
export function writeIntoPage(file: string, command: string, written: string): void {
  const [begin, end] = [`<!-- written by ${command} -->`, '<!-- end -->']
  const text = readFileSync(file, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file} has no place for what ${command} writes`)
  writeFileSync(file, `${text.slice(0, from)}${begin}\n\n${written}\n\n${text.slice(to)}`)
}
