import { randomUUID } from 'node:crypto'
import type { ConversationSnapshot, Message, OperationInput } from '@parley/protocol'
import type { Person } from './people.ts'

/** A client key nobody used. */
export function newKey(): string {
  return `k-${randomUUID()}`
}

/** A random word, to be searched for in everything somebody receives. */
export function newMark(): string {
  return `mark${randomUUID().replaceAll('-', '')}`
}

/** Starts a conversation; external unless told otherwise. */
export async function startConversation(
  starter: Person,
  others: readonly Person[],
  more: Partial<OperationInput<'createConversation'>> = {},
): Promise<ConversationSnapshot> {
  const participants = others.map(({ id }) => id)
  const { conversation } = await starter.call('createConversation', { kind: 'external', participants, ...more })
  return conversation
}

/** Sends a message, or a note. */
export async function say(
  sender: Person,
  conversationId: string,
  text: string,
  more: Partial<OperationInput<'sendMessage'>> = {},
): Promise<Message> {
  const { message } = await sender.call('sendMessage', { conversationId, clientKey: newKey(), text, ...more })
  return message
}

/** Sends a note to the team. */
export function note(sender: Person, conversationId: string, text: string): Promise<Message> {
  return say(sender, conversationId, text, { audience: 'team' })
}
