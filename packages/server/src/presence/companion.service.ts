import type { Services } from '../context.ts'
import { statement } from '../db/statement.ts'

const conversations = statement(
  'companion-conversations',
  `select user_id, array_agg(conversation_id) as conversation_ids from participants
   where workspace_id = $1 and user_id = any($2) and removed_at is null group by user_id`,
)

const pairs = statement(
  'companion-pairs',
  `select distinct on (m.user_id, o.user_id) m.user_id as reader_id, o.user_id, m.conversation_id
   from participants m
   join users u on u.workspace_id = m.workspace_id and u.id = m.user_id
   join conversations c on c.workspace_id = m.workspace_id and c.id = m.conversation_id
   join participants o on o.workspace_id = m.workspace_id and o.conversation_id = m.conversation_id
     and o.user_id = any($3) and o.removed_at is null and o.user_id <> m.user_id
   where m.workspace_id = $1 and m.user_id = any($2) and m.removed_at is null
     and (c.kind = 'external' or u.role <> 'external')`,
)

/** Somebody and the conversations he is in. */
export interface Belonging {
  readonly user_id: string
  readonly conversation_ids: readonly string[]
}

/** Two people who share a conversation. */
export interface Pair {
  readonly reader_id: string
  readonly user_id: string
  readonly conversation_id: string
}

/** The conversations that people are in. Reads as the system. */
export function readBelongings(
  { db }: Pick<Services, 'db'>,
  workspaceId: string,
  userIds: readonly string[],
): Promise<Belonging[]> {
  return db.read<Belonging>({ kind: 'system', workspaceId }, conversations, [workspaceId, userIds])
}

/** Who of some people shares a conversation, as he may know, with whom of some others. Reads as the system. */
export function readPairs(
  { db }: Pick<Services, 'db'>,
  workspaceId: string,
  readerIds: readonly string[],
  userIds: readonly string[],
): Promise<Pair[]> {
  return db.read<Pair>({ kind: 'system', workspaceId }, pairs, [workspaceId, readerIds, userIds])
}
