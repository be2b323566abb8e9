import { expect, test } from 'vitest'
import type { Actor } from './actor.ts'
import type { ConversationRow } from './conversations/conversation.tables.ts'
import { type Entrant, type Seated, Seats } from './write-seats.ts'

const workspaceId = 'w1'

function seated(id: string, seq: number, people: readonly string[], peopleVersion = 1): Seated {
  const entrants = new Map(people.map((userId) => [userId, { user_id: userId } as Entrant]))
  return { conversation: { id, seq } as ConversationRow, peopleVersion, entrants }
}

function asks(...pairs: readonly (readonly [userId: string, conversationId: string])[]) {
  return pairs.map(([userId, conversationId]) => {
    const actor: Actor = { workspaceId, userId, role: 'member' }
    return { actor, conversationId }
  })
}

test('G10 a group is recalled only when each conversation and everybody in it is known', () => {
  const seats = new Seats()
  seats.keep(workspaceId, 1, seated('a', 2, ['ana']))
  seats.keep(workspaceId, 1, seated('b', 2, ['ben']))
  expect([...(seats.recall(asks(['ana', 'a'], ['ben', 'b'], ['ana', 'a']))?.keys() ?? [])]).toEqual(['a', 'b'])
  expect(seats.recall(asks(['ana', 'a'], ['ana', 'b']))).toBeUndefined()
  expect(seats.recall(asks(['ana', 'a'], ['ana', 'c']))).toBeUndefined()
})

test('G10 what was read under another version of the people is not recalled together', () => {
  const seats = new Seats()
  seats.keep(workspaceId, 1, seated('a', 2, ['ana'], 1))
  seats.keep(workspaceId, 1, seated('b', 2, ['ana'], 2))
  expect(seats.recall(asks(['ana', 'a'], ['ana', 'b']))).toBeUndefined()
  expect(seats.recall(asks(['ana', 'b']))).toBeDefined()
})

test('G10 people are added up only while nothing came in between', () => {
  const seats = new Seats()
  seats.keep(workspaceId, 1, seated('a', 2, ['ana']))
  seats.keep(workspaceId, 2, seated('a', 3, ['ben']))
  expect(seats.recall(asks(['ana', 'a'], ['ben', 'a']))).toBeDefined()
  seats.keep(workspaceId, 4, seated('a', 5, ['ben']))
  expect(seats.recall(asks(['ana', 'a']))).toBeUndefined()
})

test('G10 a conversation that has moved is forgotten, and doubt lasts for some groups', () => {
  const seats = new Seats()
  seats.keep(workspaceId, 1, seated('a', 2, ['ana']))
  seats.heard({ workspaceId, conversationId: 'a', seq: 2 })
  const recalled = seats.recall(asks(['ana', 'a']))
  expect(recalled).toBeDefined()
  seats.heard({ workspaceId, conversationId: 'a', seq: 3 })
  expect(seats.recall(asks(['ana', 'a']))).toBeUndefined()
  seats.doubt(workspaceId, recalled ?? new Map())
  seats.keep(workspaceId, 2, seated('a', 3, ['ana']))
  const tries = Array.from({ length: 10 }, () => seats.recall(asks(['ana', 'a'])) !== undefined)
  expect(tries).toEqual([...Array(8).fill(false), true, true])
})
