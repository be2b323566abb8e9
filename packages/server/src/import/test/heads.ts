import type { TestDatabase } from '@parley/testing'

/**
 * Conversations of a workspace where something is not as it must be after every commit: the head is the last row of the log in
 * both lines, without holes; every message is a change; its sender is in the conversation; counts are true.
 */
export function brokenConversations(database: TestDatabase, workspaceId: string): Promise<{ id: string }[]> {
  return database.query<{ id: string }>(
    `select c.id from conversations c where c.workspace_id = $1 and not (
       (c.seq, c.seq, c.public_seq, c.public_seq) = (
         select count(*), max(seq), count(public_seq), max(public_seq) from changes x
         where x.workspace_id = $1 and x.conversation_id = c.id)
       and c.participant_count = (select count(*) from participants p where p.workspace_id = $1 and p.conversation_id = c.id)
       and not exists (
         select 1 from messages m where m.workspace_id = $1 and m.conversation_id = c.id and not exists (
           select 1 from changes x
           join participants p on p.workspace_id = $1 and p.conversation_id = c.id and p.user_id = m.sender_id
           where x.workspace_id = $1 and x.conversation_id = c.id and x.seq = m.seq and x.public_seq = m.public_seq
             and x.entity_id = m.id and x.actor_id = m.sender_id and x.type = 'new-message')))`,
    [workspaceId],
  )
}
