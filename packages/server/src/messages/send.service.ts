import { hash } from 'node:crypto'
import { type Audience, invalidField, limits, type Message, ParleyError, type ParsedInput } from '@parley/protocol'
import { lineOf } from '../actor.ts'
import type { Context, Ids, Services } from '../context.ts'
import { requireOpen } from '../conversations/conversation.policy.ts'
import { KeyTaken, type Tx } from '../db/database.ts'
import { type Rows, rowsStatement, withRows } from '../db/rows.ts'
import { statement } from '../db/statement.ts'
import { pairKey, spread } from '../ids.ts'
import type { Writing } from '../write.ts'
import { canSee, canWriteFor } from './message.policy.ts'
import { readMessages } from './message.service.ts'
import { type MessageRow, toMessage } from './message.tables.ts'
import { type Entry, type Opening, type Request, type WhenBusy, writeTogether } from './write-together.service.ts'

/** What a person asks to be sent. */
export interface Draft {
  readonly clientKey: string
  readonly text: string
  readonly audience: Audience
  readonly replyTo?: string | undefined
}

/** A draft of somebody who was let in. */
type Posting = Entry & { readonly draft: Draft }

interface Sending extends Request {
  readonly services: Services
  /** The lane where sends of the conversation wait for a lock. */
  readonly apart: string
  readonly draft: Draft
}

/** Whether client keys are taken for new ones, or looked up. */
type Keys = 'new' | 'look-up'

type Outcome = Message | ParleyError | 'busy'

/** What becomes of a send that waits apart from its group. */
interface Later {
  readonly later: Promise<Outcome>
}

const lanesPerWorkspace = 2

/** A message with one of the client keys stands already. */
class KeyStands extends ParleyError {
  constructor() {
    super('client_key_reused')
  }
}

const findByKeys = statement(
  'messages-by-keys',
  `select m.id from unnest($2::text[], $3::text[]) as x(sender_id, client_key)
   cross join lateral (select id from messages
     where workspace_id = $1 and sender_id = x.sender_id and client_key = x.client_key offset 0) m`,
)

const columnTypes = ['text', 'text', 'bigint', 'bigint', 'text', 'text', 'text', 'text', 'text', 'text', 'text']

const insertRows = (rows: Rows) => `insert into messages (workspace_id, id, conversation_id, seq, public_seq, sender_id,
     client_key, body_hash, kind, audience, text, reply_to)
   select $1, x.* from ${rows.of(2, columnTypes)} as x`

const insert = rowsStatement('messages-insert', insertRows)

/** A key that stands already, perhaps where the sender cannot see it, leaves its row out. */
const insertIfNew = rowsStatement(
  'messages-insert-if-new',
  (rows) => `${insertRows(rows)} on conflict (workspace_id, sender_id, client_key) do nothing returning id`,
)

function bodyHash(conversationId: string, draft: Draft): string {
  const body = JSON.stringify([conversationId, draft.text, draft.audience, draft.replyTo ?? null])
  return hash('sha256', body, 'base64url')
}

function requireQuotable({ actor, writing, draft }: Posting, quoted: MessageRow | undefined): void {
  const { conversation, participant } = writing
  const visible = quoted?.conversation_id === conversation.id && canSee(lineOf(actor), participant.from_seq, quoted)
  if (!visible) throw new ParleyError('not_found')
  if (quoted.audience === 'team' && draft.audience === 'everyone') {
    throw invalidField('replyTo', 'A note can only be quoted in a note')
  }
}

function quoteColumns(quoted: MessageRow | undefined) {
  return {
    quote_id: quoted?.id ?? null,
    quote_seq: quoted?.seq ?? null,
    quote_public_seq: quoted?.public_seq ?? null,
    quote_sender_id: quoted?.sender_id ?? null,
    quote_audience: quoted?.audience ?? null,
    quote_text: quoted ? Array.from(quoted.text).slice(0, limits.quoteLength).join('') : null,
    quote_deleted: quoted ? quoted.deleted_at !== null : null,
  }
}

/** The row of a new message, which takes its place in the lines. */
function newRow({ actor, writing, draft }: Posting, id: string, digest: string, quoted: MessageRow | undefined) {
  const { seq, publicSeq } = writing.emit({ type: 'new-message', entityId: id, audience: draft.audience })
  return {
    id,
    conversation_id: writing.conversation.id,
    seq,
    public_seq: publicSeq,
    sender_id: actor.userId,
    client_key: draft.clientKey,
    body_hash: digest,
    kind: writing.conversation.kind,
    audience: draft.audience,
    text: draft.text,
    system: null,
    created_at: writing.at,
    edited_at: null,
    deleted_at: null,
    deleted_by: null,
    ...quoteColumns(quoted),
  }
}

type NewRow = ReturnType<typeof newRow>

/** A group of postings on its way: what stands already, what is cited, and what is to be inserted. */
class Group {
  readonly rows: NewRow[] = []
  readonly #standing: Map<string, MessageRow>
  readonly #known: Map<string, MessageRow>
  readonly #ids: Ids

  constructor(ids: Ids, known: readonly MessageRow[]) {
    this.#ids = ids
    this.#standing = new Map(known.map((row) => [pairKey(row.sender_id, row.client_key), row]))
    this.#known = new Map(known.map((row) => [row.id, row]))
  }

  /**
   * The row a draft becomes, or the one it has become already.
   * @throws ParleyError `client_key_reused`, `forbidden`, `conversation_archived`, `not_found` or `invalid` for the quote
   */
  post(posting: Posting): MessageRow {
    const { actor, writing, draft } = posting
    const digest = bodyHash(writing.conversation.id, draft)
    const standing = this.#standing.get(pairKey(actor.userId, draft.clientKey))
    if (standing) {
      if (standing.body_hash !== digest) throw new ParleyError('client_key_reused')
      return standing
    }
    if (!canWriteFor(actor, writing.conversation.kind, draft.audience)) throw new ParleyError('forbidden')
    requireOpen(writing.conversation)
    const quoted = draft.replyTo === undefined ? undefined : this.#known.get(draft.replyTo)
    if (draft.replyTo !== undefined) requireQuotable(posting, quoted)
    const row = newRow(posting, this.#ids(), digest, quoted)
    writing.touch(draft.audience)
    writing.show(row)
    this.rows.push(row)
    this.#standing.set(pairKey(actor.userId, draft.clientKey), row)
    return row
  }
}

/** Where client keys meet those of another group, both must insert them in one order: else each would wait for the other. */
function byKey(one: NewRow, other: NewRow): number {
  if (one.sender_id !== other.sender_id) return one.sender_id < other.sender_id ? -1 : 1
  return one.client_key < other.client_key ? -1 : 1
}

function columnsOf(inOrder: readonly NewRow[]): unknown[][] {
  const rows = inOrder.toSorted(byKey)
  return [
    rows.map((row) => row.id),
    rows.map((row) => row.conversation_id),
    rows.map((row) => row.seq),
    rows.map((row) => row.public_seq),
    rows.map((row) => row.sender_id),
    rows.map((row) => row.client_key),
    rows.map((row) => row.body_hash),
    rows.map((row) => row.kind),
    rows.map((row) => row.audience),
    rows.map((row) => row.text),
    rows.map((row) => row.quote_id),
  ]
}

function attempt(group: Group, posting: Posting): MessageRow | ParleyError {
  try {
    return group.post(posting)
  } catch (error) {
    if (error instanceof ParleyError) return error
    throw error
  }
}

async function findStanding(tx: Tx, workspaceId: string, postings: readonly Posting[]): Promise<string[]> {
  const [senders, keys] = [postings.map(({ actor }) => actor.userId), postings.map(({ draft }) => draft.clientKey)]
  const rows = await tx.query<{ id: string }>(findByKeys, [workspaceId, senders, keys])
  return rows.map(({ id }) => id)
}

/** @throws KeyStands when a row was left out */
async function save(tx: Tx, workspaceId: string, rows: readonly NewRow[], keys: Keys): Promise<void> {
  const columns = columnsOf(rows)
  if (keys === 'new') {
    tx.send(...withRows(insert, workspaceId, columns))
    return
  }
  const inserted = await tx.query(...withRows(insertIfNew, workspaceId, columns))
  if (inserted.length < rows.length) throw new KeyStands()
}

/**
 * @param keys whether to look up which of the client keys stand. Almost none does, so it is only done once one was met, or a draft is
 *   about to be refused: it may stand already
 * @throws KeyStands when it must be looked up, or stands where it cannot be seen: nothing may be committed then
 */
async function post(tx: Tx, ids: Ids, postings: readonly Posting[], keys: Keys): Promise<(MessageRow | ParleyError)[]> {
  const workspaceId = postings[0]?.actor.workspaceId ?? ''
  if (postings.length === 0) return []
  const standing = keys === 'new' ? [] : await findStanding(tx, workspaceId, postings)
  const cited = postings.flatMap(({ draft }) => draft.replyTo ?? [])
  const group = new Group(ids, await readMessages(tx, workspaceId, [...standing, ...cited]))
  const rows = postings.map((posting) => attempt(group, posting))
  if (keys === 'new' && rows.some((row) => row instanceof ParleyError)) throw new KeyStands()
  if (group.rows.length > 0) await save(tx, workspaceId, group.rows, keys)
  return rows
}

/** As its sender sees it. */
function messageOf({ actor, writing }: Entry, row: MessageRow): Message {
  return toMessage(row, lineOf(actor), writing.participant.from_seq)
}

/**
 * Writes a message inside an open write. The same key with the same content answers the message that stands already.
 * @throws ParleyError `client_key_reused`, `forbidden`, `conversation_archived`, `not_found` or `invalid` for the quote
 */
export async function recordMessage(ctx: Context, writing: Writing, draft: Draft): Promise<Message> {
  const posting = { actor: ctx.actor, writing, draft }
  const [row] = await post(writing.tx, ctx.ids, [posting], 'look-up')
  if (row === undefined || row instanceof ParleyError) throw row ?? new ParleyError('internal')
  return messageOf(posting, row)
}

function isEntry(opening: Opening): opening is Entry {
  return typeof opening === 'object'
}

async function sendGroup(sendings: readonly Sending[], whenBusy: WhenBusy, keys: Keys): Promise<Outcome[]> {
  const services = sendings[0]?.services
  if (!services) return []
  const { openings, rows } = await writeTogether(services, sendings, whenBusy, async (tx, all) => {
    const postings = all.flatMap((opening, index) => {
      const draft = sendings[index]?.draft
      return isEntry(opening) && draft ? [{ ...opening, draft }] : []
    })
    return { openings: all, rows: await post(tx, services.ids, postings, keys) }
  })
  const posted = rows.values()
  return openings.map((opening): Outcome => {
    if (opening === 'busy') return opening
    if (opening === 'not_found') return new ParleyError('not_found')
    const row = posted.next().value
    return row === undefined || row instanceof ParleyError
      ? (row ?? new ParleyError('internal'))
      : messageOf(opening, row)
  })
}

async function sendOnce(sendings: readonly Sending[], whenBusy: WhenBusy): Promise<Outcome[]> {
  try {
    return await sendGroup(sendings, whenBusy, 'new')
  } catch (error) {
    if (!(error instanceof KeyStands || error instanceof KeyTaken)) throw error
    return sendGroup(sendings, whenBusy, 'look-up')
  }
}

async function sendAlone(sending: Sending, whenBusy: WhenBusy): Promise<Outcome> {
  try {
    const [outcome] = await sendOnce([sending], whenBusy)
    return outcome ?? new ParleyError('internal')
  } catch (error) {
    if (error instanceof ParleyError) return error
    throw error
  }
}

/** What one draft of a group does to the transaction must not harm the others: then each goes on its own. */
async function sendSafely(sendings: readonly Sending[], whenBusy: WhenBusy): Promise<Outcome[]> {
  try {
    return await sendOnce(sendings, whenBusy)
  } catch (error) {
    if (error instanceof ParleyError && error.code === 'unavailable') throw error
    const outcomes: Outcome[] = []
    const left = new Set<string>()
    for (const sending of sendings) {
      const outcome = left.has(sending.conversationId) ? 'busy' : await sendAlone(sending, whenBusy)
      if (outcome === 'busy') left.add(sending.conversationId)
      outcomes.push(outcome)
    }
    return outcomes
  }
}

const sendWaiting = (sendings: readonly Sending[]) => sendSafely(sendings, 'wait')

/** Where earlier sends of a conversation wait apart, later ones go behind them at once. */
function follow(sending: Sending): Later | undefined {
  const { groups } = sending.services
  if (!groups.isBusy(sending.apart)) return undefined
  const later = groups.joinPatiently(sending.apart, sending, sendWaiting)
  // Asked for only when the group is done: until then its failure must not look unheard.
  later.catch(() => {})
  return { later }
}

async function sendFree(sendings: readonly Sending[]): Promise<(Outcome | Later)[]> {
  const followers = sendings.map(follow)
  const free = sendings.filter((_sending, index) => !followers[index])
  const outcomes = (await sendSafely(free, 'skip')).values()
  return followers.map((follower) => follower ?? outcomes.next().value ?? new ParleyError('internal'))
}

/** Not the same as the process that writes into the conversation goes by: else one lane of each would be empty. */
function laneOf(workspaceId: string, conversationId: string): string {
  return JSON.stringify(['send', workspaceId, spread(`lane ${conversationId}`, lanesPerWorkspace)])
}

/**
 * Sends a message or a note from this process. Goes with others of its workspace in one transaction; where another write holds the
 * conversation, it waits apart from them.
 * @throws ParleyError `not_found` outside of the conversation, `forbidden` for a note by an outsider,
 *   `client_key_reused` for other content under a used key, `conversation_archived`
 */
export async function sendHere(ctx: Context, input: ParsedInput<'sendMessage'>): Promise<{ message: Message }> {
  const { groups, actor } = ctx
  const { conversationId, ...draft } = input
  const apart = JSON.stringify(['send', actor.workspaceId, conversationId])
  const sending: Sending = { services: ctx, actor, conversationId, draft, apart }
  let outcome: Outcome | Later = await groups.join(laneOf(actor.workspaceId, conversationId), sending, sendFree)
  if (outcome === 'busy') outcome = await groups.joinPatiently(apart, sending, sendWaiting)
  if (typeof outcome === 'object' && 'later' in outcome) outcome = await outcome.later
  if (outcome === 'busy') throw new ParleyError('unavailable')
  if (outcome instanceof ParleyError) throw outcome
  return { message: outcome }
}
