import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Groups } from './groups.ts'

test('W6 what a group was answered leaves before the next group of its lane begins', async () => {
  const groups = new Groups()
  const order: string[] = []
  const run = async (items: readonly string[]) => {
    order.push(`${items.join(' and ')} begun`)
    await sleep(5)
    return items
  }
  const send = async (item: string) => {
    await groups.join('lane', item, run)
    await turn()
    order.push(`${item} left`)
  }
  const first = send('a')
  await turn()
  await Promise.all([first, send('b'), send('c')])
  expect(order).toEqual(['a begun', 'a left', 'b and c begun', 'b left', 'c left'])
})
