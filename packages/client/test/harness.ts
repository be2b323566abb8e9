import type { ConversationSnapshot, Message, OperationName } from '@parley/protocol'
import { ParleyError } from '@parley/protocol'
import { createKeys } from '../src/clock.ts'
import type { Call } from '../src/http.ts'
import { Messages } from '../src/messages.ts'
import { Outbox } from '../src/outbox.ts'
import { memoryStorage } from '../src/outbox-storage.ts'
import { Participants } from '../src/participants.ts'
import { Reads } from '../src/reads.ts'
import { initialState, type State } from '../src/state.ts'
import { createStore, type WritableStore } from '../src/store.ts'
import { Sync } from '../src/sync.ts'
import { Users } from '../src/users.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { conversationId, epoch, type Model, profileOf } from './model.ts'

/** Decides when, and whether, an answer of the server arrives. */
export type Network = <Answer>(name: OperationName, answer: () => Answer) => Promise<Answer>

/** The slices around one conversation, over a model of the server. */
export interface Harness {
  readonly store: WritableStore<State>
  readonly clock: FakeClock
  readonly sync: Sync
  readonly messages: Messages
  readonly participants: Participants
  readonly reads: Reads
  readonly outbox: Outbox
  /** Operations asked of the server, in order. */
  readonly asked: OperationName[]
  readonly foreign: string[]
}

const immediately: Network = async (_name, answer) => answer()

/** Answers and refusals are what the server knew when it was asked, and arrive when they are let go. */
export function heldBack(held: OperationName): { readonly network: Network; letGo(): Promise<void> } {
  const waiting: (() => void)[] = []
  const network: Network = async (name, answer) => {
    const read = (async () => answer())()
    await Promise.allSettled([read, name === held ? new Promise<void>((resolve) => waiting.push(resolve)) : null])
    return read
  }
  const letGo = async () => {
    for (const resolve of waiting.splice(0)) resolve()
    await settle()
  }
  return { network, letGo }
}

/** Answers an operation from the model. */
function answerFrom(model: Model, name: OperationName, input: Record<string, unknown>): unknown {
  switch (name) {
    case 'getConversation':
      return { conversation: model.snapshot(), users: model.people.map(profileOf) }
    case 'listMessages':
      return model.page(input)
    case 'listParticipants':
      return model.participants()
    case 'listChanges':
      return model.changes(Number(input.after))
    case 'markRead':
      return { readSeq: model.read(Number(input.seq)), unread: model.snapshot().unread }
    case 'markDelivered':
      return { deliveredSeq: Number(input.seq) }
    case 'listUsers':
      return { items: String(input.ids).split(',').map(profileOf), nextCursor: null }
    case 'sendMessage':
      return { message: model.send(model.viewer, String(input.text), { clientKey: String(input.clientKey) }) }
    case 'editMessage':
      model.edit(String(input.messageId), String(input.text))
      return { message: model.message(String(input.messageId)) }
    case 'deleteMessage':
      model.remove(String(input.messageId))
      return { message: model.message(String(input.messageId)) }
    default:
      throw new ParleyError('internal', `${name} is not modelled`)
  }
}

function callOver(model: Model, network: Network, asked: OperationName[]): Call {
  return async (name, input) => {
    asked.push(name)
    return (await network(name, () => structuredClone(answerFrom(model, name, input)))) as never
  }
}

/** State of somebody who is signed in and has loaded nothing. */
export function signedIn(viewer = 'me'): State {
  const me = { workspace: { id: 'w', name: 'W' }, user: profileOf(viewer), email: null, epoch }
  return { ...initialState, session: { status: 'signed-in', me } }
}

/** @param network when answers arrive; at once when left out */
export function harness(model: Model, network: Network = immediately): Harness {
  const clock = new FakeClock()
  const store = createStore(signedIn(model.viewer))
  const random = () => 0.5
  const [asked, foreign]: [OperationName[], string[]] = [[], []]
  const call = callOver(model, network, asked)
  const base = { store, clock, random, call, onChanged: () => {} }
  const users = new Users(base)
  const sync: Sync = new Sync({
    ...base,
    onApplied: () => {},
    onUnknown: () => {},
    onProfiles: (profiles) => users.put(profiles),
    onMoved: (id) => sync.loadLater(id),
    onEntered: (id) => {
      reads.entered(id)
      messages.entered(id)
    },
    onLeapt: (id) => {
      if (store.getState().timelines[id]) messages.open(id).catch(() => {})
      if (store.getState().participants[id]) participants.load(id).catch(() => {})
    },
    onForeign: (other) => void foreign.push(other),
  })
  const transport = async ({ clientKey, text }: { clientKey: string; text: string }): Promise<Message> =>
    (await call('sendMessage', { conversationId, clientKey, text })).message
  const outbox = new Outbox({ ...base, storage: memoryStorage(), transport, onStored: () => {} })
  const newKey = createKeys(clock, random)
  const messages = new Messages({ ...base, sync, users, outbox, newKey, onSent: () => {} })
  const participants = new Participants({ ...base, sync, users })
  const reads: Reads = new Reads({ ...base, onUnsure: (id) => sync.loadLater(id) })
  return { store, clock, sync, messages, participants, reads, outbox, asked, foreign }
}

/** The conversation as the client knows it. */
export function known({ store }: Harness): ConversationSnapshot | undefined {
  return store.getState().conversations[conversationId]
}
