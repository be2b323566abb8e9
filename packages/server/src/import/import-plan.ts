import { createHash } from 'node:crypto'
import { limits, ParleyError, type Role } from '@parley/protocol'
import { isOpenForContent, requireOpen } from '../conversations/conversation.policy.ts'
import type { ConversationRow } from '../conversations/conversation.tables.ts'
import { requireFitting } from '../participants/participant.policy.ts'
import { type ImportedIds, importedUserId } from './import-ids.ts'
import type { Fault, ImportLine } from './import-line.ts'

/** What an import is told. */
export interface ImportOptions {
  /** What the import is called: by it, the conversation and the index a message is known again. */
  readonly source: string
  readonly kind: ConversationRow['kind']
  /** Ids of users who are to see the conversations. */
  readonly participants: readonly string[]
}

/** A user, and how he stands to the conversation. */
export interface PersonRow {
  readonly id: string
  readonly role: Role
  readonly deactivated: boolean
  /** Is in the conversation, or was. */
  readonly known: boolean
  readonly removed: boolean
}

/** A conversation as it stands, read under its lock. */
export interface Present {
  readonly conversation: ConversationRow
  /** Body hashes of messages that are there already, by id. */
  readonly hashes: ReadonlyMap<string, string>
  readonly people: ReadonlyMap<string, PersonRow>
}

/** A message to be inserted. */
export interface NewMessage {
  readonly id: string
  readonly senderId: string
  readonly clientKey: string
  readonly bodyHash: string
  readonly text: string
  readonly replyTo: string | null
  readonly at: string
}

/** Somebody who is to enter the conversation; `at` null is now. */
export interface Joining {
  readonly userId: string
  readonly role: 'owner' | 'member'
  readonly at: string | null
}

/** What is to be written into one conversation, and what cannot be. */
export interface Plan {
  readonly messages: readonly NewMessage[]
  readonly joining: readonly Joining[]
  readonly faults: readonly Fault[]
}

function bodyHash({ at, author, text, replyTo }: ImportLine): string {
  return createHash('sha256')
    .update(JSON.stringify([at, author, text, replyTo]))
    .digest('base64url')
}

/** Why a person may not write here, by the rules of sending and of adding people; null when he may. */
function refusalOf({ conversation }: Present, person: PersonRow | undefined, joining: number): string | null {
  if (!person) return 'author: does not exist'
  if (person.deactivated) return 'author: is deactivated'
  if (person.removed) return 'author: was removed from the conversation'
  try {
    requireOpen(conversation)
    requireFitting(conversation, [person.role], 'participants')
  } catch (error) {
    if (error instanceof ParleyError) return error.message
    throw error
  }
  const full = conversation.participant_count + joining >= limits.participantsPerConversation
  return full && !person.known ? 'This conversation is full' : null
}

function quoteOf(line: ImportLine, ids: ImportedIds, hashes: ReadonlyMap<string, string>): string | null {
  if (line.replyTo === null || line.replyTo >= line.index) return null
  const id = ids.messageId(line.replyTo)
  return hashes.has(id) ? id : null
}

function welcome(present: Present, participants: readonly string[]): Joining[] {
  if (!isOpenForContent(present.conversation)) return []
  return participants.flatMap((userId) => {
    const person = present.people.get(userId)
    if (!person || person.known) return []
    return [{ userId, role: person.role === 'external' ? 'member' : 'owner', at: null }]
  })
}

interface Draft {
  readonly present: Present
  readonly ids: ImportedIds
  readonly source: string
  /** Body hashes of the messages that are there or will be, by id. */
  readonly hashes: Map<string, string>
  readonly joining: Map<string, Joining>
  readonly messages: NewMessage[]
}

/** Takes one line; answers what is wrong with it, or null. */
function take(draft: Draft, line: ImportLine): string | null {
  const { present, ids, hashes, joining } = draft
  const id = ids.messageId(line.index)
  const hash = bodyHash(line)
  const there = hashes.get(id)
  if (there !== undefined && there !== hash) return `index: message ${line.index} is there already with other content`
  const replyTo = quoteOf(line, ids, hashes)
  if (there === undefined) {
    const senderId = importedUserId(draft.source, line.author)
    const person = present.people.get(senderId)
    const refusal = refusalOf(present, person, joining.size)
    if (refusal !== null) return refusal
    if (!person?.known && !joining.has(senderId))
      joining.set(senderId, { userId: senderId, role: 'member', at: line.at })
    const clientKey = ids.messageKey(line.index)
    draft.messages.push({ id, senderId, clientKey, bodyHash: hash, text: line.text, replyTo, at: line.at })
    hashes.set(id, hash)
  }
  const lost = line.replyTo !== null && replyTo === null
  return lost ? `replyTo: no message ${line.replyTo} before this one; kept without its quote` : null
}

/**
 * Decides what of some lines of one conversation is to be written, in order of their index. A line that is there already is
 * left as it is; the same index with other content is a fault (delivery G3), and so is a quote of nothing, which is left out.
 */
export function planConversation(
  present: Present,
  lines: readonly ImportLine[],
  ids: ImportedIds,
  options: ImportOptions,
): Plan {
  const { source, participants } = options
  const joining = new Map(welcome(present, participants).map((person) => [person.userId, person]))
  const draft: Draft = { present, ids, source, hashes: new Map(present.hashes), joining, messages: [] }
  const faults: Fault[] = []
  for (const line of lines.toSorted((a, b) => a.index - b.index)) {
    const reason = take(draft, line)
    if (reason !== null) faults.push({ line: line.line, reason })
  }
  return { messages: draft.messages, joining: [...joining.values()], faults }
}
