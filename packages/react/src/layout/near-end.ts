const viewports = 2

/** Whether what is scrolled shows nearly its end, so that more should be loaded. */
export function isNearEnd({ scrollTop, clientHeight, scrollHeight }: HTMLElement): boolean {
  return scrollHeight - scrollTop - clientHeight < clientHeight * viewports
}
