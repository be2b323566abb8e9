/** Prints a line of the command's result. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Prints a line about what went wrong. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A number for people. */
export function inWords(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** How many of what: `1 message`, `2 messages`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${inWords(value)} ${value === 1 ? one : many}`
}

/** Pads the columns of a table to the same width. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, at) => Math.max(all[at] ?? 0, cell.length)), [])
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
