import type { Context, Profile } from '@parley/protocol'
import { useMemo } from 'react'
import { randomKey } from '../clock.ts'
import { useDraft } from '../composer/use-draft.ts'
import { useClient } from '../provider.tsx'

/** A conversation that is not started yet. It is kept while it is written, as drafts are. */
export interface NewDraft {
  readonly people: readonly Profile[]
  readonly title: string
  readonly words: string
  readonly setPeople: (people: readonly Profile[]) => void
  readonly setTitle: (title: string) => void
  readonly setWords: (words: string) => void
  /** The key to start it with: the same one until it was started or refused, also when one has been elsewhere meanwhile. */
  readonly key: () => string
  /** It was refused: the next try is another one. */
  readonly renew: () => void
  /** It was started with these words: nothing of it stays, unless other ones have been written meanwhile. */
  readonly started: (words: string) => void
}

/**
 * What was written for a new conversation.
 * @param context the host's record it is started from; each has a draft of its own
 */
export function useNewDraft(context: Context | undefined): NewDraft {
  const { drafts } = useClient()
  const name = context ? `new-${context.type}-${context.id}` : 'new'
  const part = (what: string) => `${name}/${what}`
  const [words, setWords] = useDraft(name, 'everyone')
  const [title, setTitle] = useDraft(part('title'), 'everyone')
  const [kept, keep] = useDraft(part('people'), 'everyone')
  const people = useMemo<readonly Profile[]>(() => (kept === '' ? [] : JSON.parse(kept)), [kept])
  const renew = () => drafts.set(part('key'), 'everyone', '')
  return {
    people,
    title,
    words,
    setPeople: (next) => keep(next.length === 0 ? '' : JSON.stringify(next)),
    setTitle,
    setWords,
    key: () => {
      const key = drafts.get(part('key'), 'everyone') || randomKey()
      drafts.set(part('key'), 'everyone', key)
      return key
    },
    renew,
    started: (sent) => {
      renew()
      if (drafts.get(name, 'everyone') !== sent) return
      for (const draft of [name, part('title'), part('people')]) drafts.set(draft, 'everyone', '')
    },
  }
}
