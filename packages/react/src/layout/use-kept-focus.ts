import { type RefObject, useEffect } from 'react'

/**
 * When what had the focus inside goes, as a row that leaves the list or a button that has done its work, something that stays gets it.
 * @param area what is watched
 * @param staying what gets the focus
 */
export function useKeptFocus(area: RefObject<HTMLElement | null>, staying: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const watched = area.current
    if (!watched) return
    let focused: Node | null = null
    const onFocus = ({ target }: FocusEvent) => {
      focused = target instanceof Node ? target : null
    }
    const observer = new MutationObserver(() => {
      if (!focused || focused.isConnected) return
      focused = null
      if (document.activeElement === document.body) staying.current?.focus({ preventScroll: true })
    })
    watched.addEventListener('focusin', onFocus)
    observer.observe(watched, { childList: true, subtree: true })
    return () => {
      watched.removeEventListener('focusin', onFocus)
      observer.disconnect()
    }
  }, [area, staying])
}
