/** Brings the caret to where one writes. */
export function focusComposer(): void {
  document.querySelector<HTMLElement>('[data-testid="message-input"]')?.focus()
}
