import { announce } from '../announcer/announce.ts'
import { text } from '../text.ts'

/** The old way to copy, which browsers also have where the page came over plain http. */
function copySelected(words: string): boolean {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.value = words
  field.style.position = 'fixed'
  field.style.opacity = '0'
  document.body.append(field)
  field.select()
  const done = document.execCommand('copy')
  field.remove()
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true })
  return done
}

async function isCopied(words: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(words)
    return true
  } catch {
    return copySelected(words)
  }
}

/** Copies a text, and says whether it could. */
export async function copyText(words: string): Promise<void> {
  if (await isCopied(words)) announce(text('copied'))
  else announce(text('notCopied'), 'assertive')
}
