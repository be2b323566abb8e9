import { expect, test } from 'vitest'
import { siblingBus } from './bus-siblings.ts'
import type { Siblings } from './siblings.ts'

const siblings: Siblings = { send: () => {}, onPacket: () => {}, ask: () => undefined, onAsk: () => {} }

test('NODE-9 processes of one machine may have others elsewhere: the log is followed as if nobody were reached', () => {
  expect(siblingBus('one', siblings).healthy).toBe(false)
})
