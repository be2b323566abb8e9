import type { OperationOutput, ParsedInput } from '@parley/protocol'
import { type Context, type Line, lineOf, scopeOf } from '../context.ts'
import { type Access, accessConversation } from '../conversations/conversation.policy.ts'
import { headIn } from '../conversations/conversation.tables.ts'
import { type Statement, statement, type Tx } from '../db/database.ts'
import { readProfiles } from '../users/user.service.ts'
import { type MessageRow, messageColumns, messageTables, seqColumn, toMessage } from './message.tables.ts'

type Input = ParsedInput<'listMessages'>

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

async function half(
  tx: Tx,
  which: Statement,
  access: Access,
  workspaceId: string,
  edge: number,
  count: number,
): Promise<{ rows: MessageRow[]; more: boolean }> {
  const values = [workspaceId, access.conversation.id, edge, access.participant.from_seq, count + 1]
  const rows = await tx.query<MessageRow>(which, values)
  return { rows: rows.slice(0, count), more: rows.length > count }
}

/**
 * A page of messages, oldest first, with the position it was read at.
 * @throws ParleyError `not_found` outside of the conversation
 */
export function listMessages(ctx: Context, input: Input): Promise<OperationOutput<'listMessages'>> {
  const { actor, db } = ctx
  const line = lineOf(actor)
  return db.transaction('read', scopeOf(actor), async (tx) => {
    const access = await accessConversation(tx, actor, input.conversationId)
    const { edge, older, newer } = window(input)
    const before = await half(tx, statements[line].older, access, actor.workspaceId, edge, older)
    const after = await half(tx, statements[line].newer, access, actor.workspaceId, edge, newer)
    const rows = [...before.rows.reverse(), ...after.rows]
    const people = rows.flatMap((row) => [row.sender_id, ...(row.quote_sender_id ? [row.quote_sender_id] : [])])
    return {
      items: rows.map((row) => toMessage(row, line, access.participant.from_seq)),
      hasBefore: before.more,
      hasAfter: after.more,
      seq: headIn(access.conversation, line),
      users: await readProfiles(tx, actor.workspaceId, people),
    }
  })
}
