import { pino } from 'pino'
import { expect, test } from 'vitest'
import { siblingBus } from './bus-siblings.ts'
import type { Siblings } from './siblings.ts'

const alone: Siblings = { send: () => {}, onPacket: () => {}, ask: () => undefined, onAsk: () => {} }
const log = pino({ level: 'silent' })

test('NODE-9 processes of one machine may have others elsewhere: the log is followed as if nobody were reached', () => {
  expect(siblingBus('one', alone, log).healthy).toBe(false)
})

test('G10 a word of another server that cannot be understood is lost, and nothing else', () => {
  let hear: Parameters<Siblings['onPacket']>[0] = () => {}
  const onPacket: Siblings['onPacket'] = (listener) => {
    hear = listener
  }
  const bus = siblingBus('one', { ...alone, onPacket }, log)
  const heard: string[] = []
  bus.onHint(({ conversationId, joined }) => void heard.push(conversationId, ...joined))
  const hint = { workspaceId: 'w', conversationId: 'c', from: 0, seq: 1, joined: ['bob'] }
  const words = [null, 'word', { hint: null }, { hint: { seq: 1 } }, { hint }] as never[]
  hear({ nodeId: 'two', words })
  expect(heard).toEqual(['c', 'bob'])
})
