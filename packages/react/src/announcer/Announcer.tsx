import { useEffect, useState } from 'react'
import { onAnnounce } from './announce.ts'

const clearAfter = 1_000

/** The only live regions: mounted once, empty but for a second. */
export function Announcer() {
  const [polite, setPolite] = useState('')
  const [assertive, setAssertive] = useState('')
  useEffect(() => onAnnounce((text, politeness) => (politeness === 'polite' ? setPolite : setAssertive)(text)), [])
  useEffect(() => {
    if (polite === '' && assertive === '') return
    const timer = setTimeout(() => {
      setPolite('')
      setAssertive('')
    }, clearAfter)
    return () => clearTimeout(timer)
  }, [polite, assertive])
  return (
    <>
      <div className="parley-hidden" role="status" aria-live="polite" data-testid="announcer-polite">
        {polite}
      </div>
      <div className="parley-hidden" role="alert" aria-live="assertive" data-testid="announcer-assertive">
        {assertive}
      </div>
    </>
  )
}
