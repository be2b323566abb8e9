import {
  connectAsOwner,
  judge,
  type People,
  type Reader,
  startConversation,
  startReader,
  startWriter,
  type Writer,
} from '@parley/testing'
import type pg from 'pg'

const team = ['alice', 'bob', 'root']

/** People who write and read. */
export interface Load {
  readonly conversationIds: readonly string[]
  readonly writers: readonly Writer[]
  readonly readers: readonly Reader[]
}

/**
 * Three people write, notes among it, and four read.
 * @param conversations in how many conversations
 */
export async function startLoad(all: People, conversations = 2): Promise<Load> {
  const started = await Promise.all(
    Array.from({ length: conversations }, () => startConversation(all.alice, [all.bob, all.carol, all.root])),
  )
  const conversationIds = started.map(({ conversation }) => conversation.id)
  const writers = [
    startWriter(all.alice, conversationIds),
    startWriter(all.bob, conversationIds, (index) => (index % 3 === 0 ? 'team' : 'everyone')),
    startWriter(all.carol, conversationIds),
  ]
  const readers = [all.alice, all.bob, all.carol, all.root].map((who) => startReader(who, conversationIds))
  return { conversationIds, writers, readers }
}

/**
 * Lets everything become known and be read, and stops.
 * @param connection how to reach the database as its owner
 * @returns what is lost, doubled, out of order or unread
 */
export async function judgeLoad(
  { conversationIds, writers, readers }: Load,
  connection: pg.ClientConfig,
): Promise<string[]> {
  await Promise.all(writers.map((writer) => writer.stop()))
  for (const reader of readers) {
    for (const conversationId of conversationIds) {
      const { conversation } = await reader.person.call('getConversation', { conversationId })
      await reader.reached(conversationId, conversation.seq)
    }
  }
  const owner = await connectAsOwner(connection)
  try {
    return await judge(owner.query, team, conversationIds, writers, readers)
  } finally {
    await owner.end()
    await Promise.all(readers.map((reader) => reader.stop()))
  }
}
