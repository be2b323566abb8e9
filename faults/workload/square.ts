import type { Stage } from '../stage/stage.ts'
import { arrive } from './cast.ts'
import type { Roamer } from './roamer.ts'

/** An internal conversation beside the standing workload, and those in it. */
export interface Square {
  readonly conversationId: string
  readonly speaker: Roamer
  readonly members: readonly Roamer[]
  /** The position now. */
  head(): Promise<number>
}

/** Starts a conversation with a crowd in it. */
export async function startSquare(stage: Stage, count: number): Promise<Square> {
  const speaker = await arrive(stage, 'speaker', 'member', 0)
  const members: Roamer[] = []
  for (let index = 0; index < count; index += 1) members.push(await arrive(stage, `crowd${index}`, 'member', index))
  const participants = members.map(({ who }) => who.id)
  const { conversation } = await speaker.call('createConversation', { kind: 'internal', participants })
  const conversationId = conversation.conversation.id
  return {
    conversationId,
    speaker,
    members,
    head: async () => (await speaker.call('getConversation', { conversationId })).conversation.seq,
  }
}
