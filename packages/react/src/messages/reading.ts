import { type RefObject, useEffect, useRef } from 'react'
import { sinceStart } from '../clock.ts'
import { useClient } from '../provider.tsx'

const dwell = 500
/** What only a person does: the list scrolls by itself too. */
const inputs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const

function lastVisible(scroller: HTMLElement): number {
  const bottom = scroller.getBoundingClientRect().bottom + 1
  let seq = 0
  for (const article of scroller.querySelectorAll<HTMLElement>('[data-seq]')) {
    if (article.getBoundingClientRect().bottom <= bottom) seq = Math.max(seq, Number(article.dataset.seq))
  }
  return seq
}

/**
 * Marks as read what was in view for half a second while the page was visible and focused and the person did something after it arrived:
 * an unattended screen reads nothing.
 * @param scroller the list
 * @param latest position of the newest loaded message
 * @param readSeq the mark so far
 */
export function useReading(
  scroller: RefObject<HTMLElement | null>,
  conversationId: string,
  latest: number,
  readSeq: number,
): void {
  const { reads } = useClient()
  const lastInput = useRef(0)
  const arrived = useRef({ latest, at: 0 })
  if (latest !== arrived.current.latest) arrived.current = { latest, at: sinceStart() }

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const check = () => {
      timer = undefined
      const attended = document.visibilityState === 'visible' && document.hasFocus()
      if (!scroller.current || !attended || lastInput.current < arrived.current.at) return
      const seq = lastVisible(scroller.current)
      if (seq > readSeq) reads.markRead(conversationId, seq)
    }
    const schedule = () => {
      timer ??= setTimeout(check, dwell)
    }
    const onInput = (event: Event) => {
      lastInput.current = event.timeStamp
      schedule()
    }
    schedule()
    for (const name of inputs) document.addEventListener(name, onInput, { capture: true, passive: true })
    document.addEventListener('scroll', schedule, { capture: true, passive: true })
    window.addEventListener('focus', schedule)
    return () => {
      clearTimeout(timer)
      for (const name of inputs) document.removeEventListener(name, onInput, { capture: true })
      document.removeEventListener('scroll', schedule, { capture: true })
      window.removeEventListener('focus', schedule)
    }
  }, [scroller, conversationId, readSeq, reads])
}
