import { useEffect, useState } from 'react'
import { onAnnounce, type Politeness } from './announce.ts'

const gathered = 50
const spokenFor = 1_000

/** What is said right now: all that was announced together, for a second; what comes meanwhile is said after that. */
function useSpoken(politeness: Politeness): string {
  const [spoken, setSpoken] = useState('')
  useEffect(() => {
    const waiting: string[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    const clear = () => {
      setSpoken('')
      timer = waiting.length > 0 ? setTimeout(speak, gathered) : undefined
    }
    const speak = () => {
      setSpoken(waiting.splice(0).join(' '))
      timer = setTimeout(clear, spokenFor)
    }
    const stop = onAnnounce((text, how) => {
      if (how !== politeness) return
      waiting.push(text)
      timer ??= setTimeout(speak, gathered)
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [politeness])
  return spoken
}

/** The only live regions: mounted once, empty but for what is being said. */
export function Announcer() {
  return (
    <>
      <div className="parley-hidden" role="status" aria-live="polite" data-testid="announcer-polite">
        {useSpoken('polite')}
      </div>
      <div className="parley-hidden" role="alert" aria-live="assertive" data-testid="announcer-assertive">
        {useSpoken('assertive')}
      </div>
    </>
  )
}
