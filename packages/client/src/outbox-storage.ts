import type { Pending } from './state.ts'

/** What is kept on the device for one person. */
export interface Kept {
  readonly pending: readonly Pending[]
  /** By `${conversationId}:${audience}`. */
  readonly drafts: Readonly<Record<string, string>>
}

/** Keeps unsent messages and drafts. `owner` names whose they are: nobody else ever sees them. */
export interface OutboxStorage {
  /** A name under which several clients, such as the tabs of a browser, share this storage; null when it is one client's own. */
  readonly sharedAs: string | null
  load(owner: string): Promise<Kept>
  putPending(owner: string, pending: Pending): Promise<void>
  deletePending(owner: string, clientKey: string): Promise<void>
  /** Keeps a draft; an empty text deletes it. */
  putDraft(owner: string, key: string, text: string): Promise<void>
  /** Deletes everything of everybody. */
  erase(): Promise<void>
}

/** Storage that lasts as long as the program. */
export function memoryStorage(): OutboxStorage {
  const owners = new Map<string, { pending: Map<string, Pending>; drafts: Map<string, string> }>()
  const of = (owner: string) => {
    const known = owners.get(owner) ?? { pending: new Map(), drafts: new Map() }
    owners.set(owner, known)
    return known
  }
  return {
    sharedAs: null,
    load: async (owner) => {
      const { pending, drafts } = of(owner)
      return { pending: [...pending.values()], drafts: Object.fromEntries(drafts) }
    },
    putPending: async (owner, pending) => void of(owner).pending.set(pending.clientKey, pending),
    deletePending: async (owner, clientKey) => void of(owner).pending.delete(clientKey),
    putDraft: async (owner, key, text) => {
      const { drafts } = of(owner)
      if (text === '') drafts.delete(key)
      else drafts.set(key, text)
    },
    erase: async () => owners.clear(),
  }
}
