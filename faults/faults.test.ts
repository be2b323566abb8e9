import { expect, test } from 'vitest'
import { hasRedis } from '../packages/testing/src/redis.ts'
import type { Fault, Trial } from './fault.ts'
import { faults } from './faults.ts'
import { tryFault } from './trial.ts'

const options = { seed: 1, short: true }

function named(name: string): Fault {
  const fault = faults.find((each) => each.name === name)
  if (!fault) throw new Error(`There is no fault ${name}`)
  return fault
}

async function expectKept(name: string): Promise<void> {
  const outcome = await tryFault(named(name), options)
  expect(outcome.broken).toEqual([])
  expect(outcome.acknowledged).toBeGreaterThan(100)
  expect(outcome.acknowledged).toBe(outcome.operations)
}

test('G1 G2 G4 G6 the server is killed under the standing workload', () => expectKept('kill'))

test('G11 the database crashes under the standing workload', () => expectKept('database-crash'))

test.skipIf(!hasRedis())('G10 Redis is killed under the standing workload', () => expectKept('redis-killed'))

/** What no server of ours does: one message vanishes, another one becomes what its sender has said before. */
async function sabotage({ stage, workload, wait }: Trial): Promise<void> {
  while (workload.writers.some(({ timings }) => timings.size < 5)) await wait(0.1)
  const owner = await stage.owner()
  const own = "from parley.messages where sender_id = 'writer1'"
  await owner.query(
    "delete from parley.messages where id = (select min(id) from parley.messages where kind <> 'system')",
    [],
  )
  await owner.query(
    `with said as (select id, text, conversation_id ${own} order by id limit 1)
     update parley.messages set text = (select text from said)
     where id = (select max(id) ${own} and conversation_id = (select conversation_id from said))`,
    [],
  )
  await owner.end()
}

test('the judge of faults sees a message that was lost and one that is there twice', async () => {
  const none = { name: 'sabotage', title: '', promise: '', recoversWithin: 10_000 }
  const outcome = await tryFault({ ...none, needs: { nodes: 1 }, strike: sabotage }, options)
  expect(outcome.lost).toBeGreaterThan(0)
  expect(outcome.doubled).toBe(1)
})
