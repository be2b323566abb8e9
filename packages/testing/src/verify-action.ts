import type { DurableEvent } from '@parley/protocol'
import { expect } from 'vitest'
import { catchUp, fold, type Held, load } from './fold.ts'
import type { Person } from './people.ts'

/**
 * Somebody looks at a conversation, something happens, and he folds the events his socket brought; the result must equal what the
 * same person finds when he loads afresh.
 * @param viewer who looks
 * @param conversationId what he looks at
 * @param action what happens; not a change of read marks, which are no events
 * @returns the events he got, each of which matched its strict schema
 */
export async function verifyAction(
  viewer: Person,
  conversationId: string,
  action: () => Promise<unknown>,
): Promise<DurableEvent[]> {
  const socket = await viewer.online()
  try {
    const before = await load(viewer, conversationId)
    await action()
    const after = await load(viewer, conversationId)
    if (after.snapshot.seq > before.snapshot.seq) await socket.reached(conversationId, after.snapshot.seq)
    const events = socket.events(conversationId)
    expect(await follow(viewer, conversationId, before, events), 'snapshot + events = fresh snapshot').toEqual(after)
    return events
  } finally {
    socket.close()
  }
}

/** Folds events as a client does: where one does not follow, because a change is not for this viewer to see, the changes are fetched. */
async function follow(
  viewer: Person,
  conversationId: string,
  before: Held,
  events: readonly DurableEvent[],
): Promise<Held> {
  let held = before
  for (const event of events) {
    const have = held.snapshot.seq
    if (event.prev > have && event.seq > have) {
      const page = await viewer.call('listChanges', { conversationId, after: have })
      held = catchUp(held, page.items, page.seq)
    } else held = fold(held, [event])
  }
  return held
}
