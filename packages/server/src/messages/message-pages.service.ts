import { invalidField, limits, type OperationOutput, type ParsedInput } from '@parley/protocol'
import { type Actor, type Line, lineOf } from '../actor.ts'
import { type Context, scopeOf } from '../context.ts'
import { type Access, accessConversation, type VersionedAccess } from '../conversations/conversation.policy.ts'
import { headIn } from '../conversations/conversation.tables.ts'
import type { Tx } from '../db/database.ts'
import { type Statement, statement } from '../db/statement.ts'
import { readProfiles } from '../users/user.service.ts'
import { type MessageRow, messageColumns, messageTables, seqColumn, toMessage } from './message.tables.ts'

type Input = ParsedInput<'listMessages'>
type Page = OperationOutput<'listMessages'>

function pageStatement(line: Line, direction: 'older' | 'newer'): Statement {
  const column = `m.${seqColumn(line)}`
  const [compare, order] = direction === 'older' ? ['<', 'desc'] : ['>=', 'asc']
  return statement(
    `messages-${direction}-${line}`,
    `select ${messageColumns} from ${messageTables}
     where m.workspace_id = $1 and m.conversation_id = $2 and ${column} ${compare} $3 and m.seq >= $4
       and ${column} is not null
     order by ${column} ${order} limit $5`,
  )
}

const statements = {
  team: { older: pageStatement('team', 'older'), newer: pageStatement('team', 'newer') },
  public: { older: pageStatement('public', 'older'), newer: pageStatement('public', 'newer') },
}

/** Where a page lies: up to `older` messages below `edge`, up to `newer` from it on. */
function window(input: Input): { edge: number; older: number; newer: number } {
  const { limit } = input
  if (input.around !== undefined) {
    const older = Math.floor(limit / 2)
    return { edge: input.around, older, newer: limit - older }
  }
  if (input.after !== undefined) return { edge: input.after + 1, older: 0, newer: limit }
  return { edge: input.before ?? Number.MAX_SAFE_INTEGER, older: limit, newer: 0 }
}

interface Half {
  readonly rows: MessageRow[]
  readonly more: boolean
}

const nothing: Half = { rows: [], more: false }

async function half(
  tx: Tx,
  which: Statement,
  access: Access,
  workspaceId: string,
  edge: number,
  count: number,
): Promise<Half> {
  const values = [workspaceId, access.conversation.id, edge, access.participant.from_seq, count + 1]
  const rows = await tx.query<MessageRow>(which, values)
  return { rows: rows.slice(0, count), more: rows.length > count }
}

/** The page that everybody opens a conversation with. */
function isNewest({ before, after, around, limit }: Input): boolean {
  return before === undefined && after === undefined && around === undefined && limit === limits.pageDefault
}

async function readPage(tx: Tx, actor: Actor, access: Access, input: Input): Promise<Page> {
  const line = lineOf(actor)
  const { edge, older, newer } = window(input)
  const before = await half(tx, statements[line].older, access, actor.workspaceId, edge, older)
  const head = headIn(access.conversation, line)
  const after = edge > head ? nothing : await half(tx, statements[line].newer, access, actor.workspaceId, edge, newer)
  const rows = [...before.rows.reverse(), ...after.rows]
  const people = rows.flatMap((row) => [row.sender_id, ...(row.quote_sender_id ? [row.quote_sender_id] : [])])
  return {
    items: rows.map((row) => toMessage(row, line, access.participant.from_seq)),
    hasBefore: before.more,
    hasAfter: after.more,
    seq: head,
    users: await readProfiles(tx, actor.workspaceId, people),
  }
}

/**
 * The newest page, from the cache where nothing has moved since: all that changes it raises the head of its line, or the version of
 * the profiles, and both were read together with the viewer's right to see it.
 */
async function takeNewestPage(tx: Tx, ctx: Context, access: VersionedAccess, input: Input): Promise<Page> {
  const { actor, cache } = ctx
  const { conversation, participant, peopleVersion } = access
  const line = lineOf(actor)
  const key = JSON.stringify([actor.workspaceId, conversation.id, line, participant.from_seq])
  const version = `${headIn(conversation, line)}.${peopleVersion}`
  const known = await cache.take(key, version)
  if (known) return known
  const page = await readPage(tx, actor, access, input)
  cache.put(key, version, page)
  return page
}

function requireOnePosition(input: Input): void {
  const given = (['before', 'after', 'around'] as const).filter((name) => input[name] !== undefined)
  if (given[1] !== undefined) throw invalidField(given[1], `A page is ${given.join(' or ')} a position, not both`)
}

/**
 * A page of messages, oldest first, with the position it was read at.
 * @throws ParleyError `not_found` outside of the conversation, `invalid` for more than one position
 */
export function listMessages(ctx: Context, input: Input): Promise<Page> {
  requireOnePosition(input)
  const { actor, db } = ctx
  return db.transaction('read', scopeOf(actor), async (tx) => {
    const access = await accessConversation(tx, actor, input.conversationId)
    return isNewest(input) ? takeNewestPage(tx, ctx, access, input) : readPage(tx, actor, access, input)
  })
}
