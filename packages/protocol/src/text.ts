/** Whether there is anything to be seen in a text. */
export function hasText(value: string): boolean {
  return /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}]/u.test(value)
}
