import type { DurableEvent } from '@parley/protocol'

/** What to do with an event. */
export type Decision = 'drop' | 'apply' | 'fetch'

/**
 * Decides which event may be applied (architecture S1).
 * @param have the position the conversation stands at
 */
export function decide(have: number, { seq, prev }: Pick<DurableEvent, 'seq' | 'prev'>): Decision {
  if (seq <= have) return 'drop'
  return prev <= have ? 'apply' : 'fetch'
}

/** Whether an event adds the viewer to a conversation. */
export function isJoining(event: DurableEvent, own: string): boolean {
  return event.type === 'participant-added' && event.data.participant.userId === own
}

/** Whether an event could bring a conversation that is not loaded into a list of the viewer's. */
export function couldShow(event: DurableEvent, own: string): boolean {
  const { type } = event
  const speaks = type === 'new-message' && event.data.message.kind !== 'system'
  return speaks || type === 'conversation-created' || type === 'conversation-updated' || isJoining(event, own)
}
