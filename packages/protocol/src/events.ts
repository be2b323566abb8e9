import { z } from 'zod'
import { conversation } from './conversations.ts'
import { event } from './event.ts'
import { id, instant, seq } from './fields.ts'
import { audience, message } from './messages.ts'
import { participant } from './participants.ts'
import { profile } from './users.ts'

/** Every durable event, by name. */
export const events = {
  'conversation-created': event('conversation-created', z.strictObject({ conversation })),
  'conversation-updated': event('conversation-updated', z.strictObject({ conversation })),
  'participant-added': event('participant-added', z.strictObject({ participant, user: profile })),
  'participant-updated': event('participant-updated', z.strictObject({ participant })),
  'participant-removed': event('participant-removed', z.strictObject({ userId: id })),
  'new-message': event('new-message', z.strictObject({ message })),
  'message-updated': event('message-updated', z.strictObject({ message })),
  'message-deleted': event('message-deleted', z.strictObject({ message })),
} as const

export type EventType = keyof typeof events
export type EventOf<Type extends EventType> = z.infer<(typeof events)[Type]>

/** Any durable event. */
export const durableEvent = z
  .discriminatedUnion('type', [
    events['conversation-created'],
    events['conversation-updated'],
    events['participant-added'],
    events['participant-updated'],
    events['participant-removed'],
    events['new-message'],
    events['message-updated'],
    events['message-deleted'],
  ])
  .meta({ id: 'Event' })
export type DurableEvent = z.infer<typeof durableEvent>

export const presenceState = z.enum(['online', 'away', 'offline'])
export type PresenceState = z.infer<typeof presenceState>

/** Every ephemeral event, by name: never stored, may be lost, never reaches one who is not in the conversation. */
export const ephemeralEvents = {
  'user-typing': z.strictObject({ conversationId: id, userId: id, audience }),
  'user-stopped-typing': z.strictObject({ conversationId: id, userId: id, audience }),
  'user-joined': z.strictObject({ userId: id, presence: z.enum(['online', 'away']) }),
  'user-left': z.strictObject({ userId: id, lastSeenAt: instant }),
  'message-read': z.strictObject({ conversationId: id, userId: id, seq }),
  'message-delivered': z.strictObject({ conversationId: id, userId: id, seq }),
  behind: z.strictObject({}),
  'session-ended': z.strictObject({ reason: z.enum(['signed-out', 'expired', 'deactivated']) }),
} as const

export type EphemeralType = keyof typeof ephemeralEvents
export type EphemeralOf<Type extends EphemeralType> = z.infer<(typeof ephemeralEvents)[Type]>
