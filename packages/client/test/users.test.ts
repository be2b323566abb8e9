import { expect, test } from 'vitest'
import { createStore } from '../src/store.ts'
import { Users } from '../src/users.ts'
import { FakeClock } from './fake-clock.ts'
import { signedIn } from './harness.ts'

test('CL-66 who is needed just before a connection stands is asked for, and nobody twice on one connection', async () => {
  const clock = new FakeClock()
  const asked: string[] = []
  const call = async (_name: string, { ids = '' }: { ids?: string }) => {
    asked.push(ids)
    return { items: [] } as never
  }
  const users = new Users({ store: createStore(signedIn()), clock, call: call as never })
  users.need(['ann'])
  users.askAgain()
  await clock.advance(50)
  users.need(['ann', 'ben'])
  await clock.advance(50)
  users.need(['ann'])
  await clock.advance(50)
  users.askAgain()
  users.need(['ann'])
  await clock.advance(50)
  expect(asked).toEqual(['ann', 'ben', 'ann'])
})
