import type { DurableEvent } from '@parley/protocol'
import { expect, test } from 'vitest'
import { type Evidence, findFaults, type StoredChange, type StoredMessage } from './judge.ts'

const intents = ['one', 'two', 'three'].map((text, index) => ({
  conversationId: 'c1',
  senderId: 'alice',
  clientKey: `key-${index}`,
  text,
  audience: index === 1 ? ('team' as const) : ('everyone' as const),
}))

const messages: StoredMessage[] = intents.map(({ senderId, clientKey, text, audience }, index) => ({
  id: `m${index}`,
  seq: index + 1,
  publicSeq: audience === 'team' ? null : index === 0 ? 1 : 2,
  senderId,
  clientKey,
  kind: 'external',
  text,
}))

const changes: StoredChange[] = messages.map(({ id, seq, publicSeq }) => ({
  seq,
  publicSeq,
  type: 'new-message',
  entityId: id,
}))

function read(ids: readonly string[]): DurableEvent[] {
  return ids.map((id, index) => ({ type: 'new-message', seq: index + 1, data: { message: { id } } }) as DurableEvent)
}

const right: Evidence = {
  conversationId: 'c1',
  messages,
  changes,
  intents,
  acknowledgements: intents.map((intent, index) => ({ ...intent, messageId: `m${index}`, seq: index + 1 })),
  teamSenders: new Set(['alice', 'bob']),
  logs: [
    { readerId: 'bob', team: true, events: read(['m0', 'm1', 'm2']) },
    { readerId: 'carol', team: false, events: read(['m0', 'm2']) },
  ],
}

test('the judge finds nothing where all is right', () => {
  expect(findFaults(right)).toEqual([])
})

const [first, second, third] = messages as [StoredMessage, StoredMessage, StoredMessage]

const wrong: Record<string, [Partial<Evidence>, RegExp]> = {
  'an acknowledged message that is not there': [{ messages: [first, second] }, /^lost/],
  'a message that is there twice': [
    { messages: [...messages, { ...third, id: 'm3', clientKey: 'other' }] },
    /^doubled/,
  ],
  'a message that nobody wrote': [{ messages: [first, { ...second, text: 'else' }, third] }, /never intended/],
  'an answer with another id': [{ messages: [{ ...first, id: 'm9' }, second, third] }, /acknowledged as m0/],
  'an answer with another position': [{ messages: [first, second, { ...third, seq: 4 }] }, /and is m2 at 4/],
  "a sender's messages in another order": [{ messages: [second, first, third] }, /^out of order/],
  'a hole in the line': [{ changes: changes.filter(({ seq }) => seq !== 2) }, /hole/],
  'a reader who missed one': [
    { logs: [{ readerId: 'bob', team: true, events: read(['m0', 'm1']) }] },
    /bob read nothing/,
  ],
  'a reader who read one twice': [
    { logs: [{ readerId: 'carol', team: false, events: read(['m0', 'm2', 'm2']) }] },
    /not in the log/,
  ],
  'a reader who read a note': [
    { logs: [{ readerId: 'carol', team: false, events: read(['m0', 'm1']) }] },
    /carol read/,
  ],
}

test.each(Object.keys(wrong))('the judge finds %s', (name) => {
  const [difference, sentence] = wrong[name] ?? [{}, /./]
  expect(findFaults({ ...right, ...difference }).join('\n')).toMatch(sentence)
})
