import { type OperationName, ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'
import { settle } from './fake-clock.ts'
import { harness, heldBack, type Network } from './harness.ts'
import { conversationId, Model } from './model.ts'

type Outcome = 'stored' | 'refused'

const changes: readonly OperationName[] = ['editMessage', 'deleteMessage']

/** A network whose changes are stored or refused when it is told to. */
function undecided() {
  const waiting: ((outcome: Outcome) => void)[] = []
  const network: Network = async (name, answer) => {
    const isRefused = changes.includes(name) && (await new Promise((resolve) => waiting.push(resolve))) === 'refused'
    if (isRefused) throw new ParleyError('forbidden')
    return answer()
  }
  const end = async (outcome: Outcome) => {
    waiting.shift()?.(outcome)
    await settle()
  }
  return { network, end }
}

/** A client with one own message on display. */
async function writing(network: Network) {
  const model = new Model('me', ['me', 'ann'])
  const { id } = model.send('me', 'as sent')
  const client = harness(model, network)
  await client.messages.open(conversationId)
  const shown = () => client.store.getState().timelines[conversationId]?.items.find((message) => message.id === id)
  const edit = (text: string) => void client.messages.edit(id, conversationId, text).catch(() => {})
  const remove = () => void client.messages.remove(id, conversationId).catch(() => {})
  return { model, client, id, shown, edit, remove }
}

test('CL-1 a change shows at once, and then as it is stored', async () => {
  const { network, end } = undecided()
  const { model, id, shown, edit, remove } = await writing(network)
  edit('better')
  expect(shown()?.text).toBe('better')
  await end('stored')
  expect(shown()).toEqual(model.message(id))
  remove()
  expect(shown()?.deletedAt).not.toBeNull()
  await end('stored')
  expect(shown()).toEqual(model.message(id))
})

test('CL-1 a change that changes nothing leaves nothing behind', async () => {
  const { network, end } = undecided()
  const { client, model, id, shown, edit, remove } = await writing(network)
  edit('as sent')
  await end('stored')
  expect(shown()).toEqual(model.message(id))
  expect(shown()?.editedAt).toBeNull()
  model.remove(id)
  const { deletedAt } = model.message(id)
  remove()
  await end('stored')
  expect(shown()?.deletedAt).toBe(deletedAt)
  expect(client.asked).not.toContain('listChanges')
})

test.each([
  [['refused', 'refused'], 'as sent'],
  [['stored', 'refused'], 'first'],
  [['refused', 'stored'], 'second'],
] as const)('CL-1 of two changes of a message at a time, %s, what is stored stays', async (outcomes, text) => {
  const { network, end } = undecided()
  const { shown, edit } = await writing(network)
  edit('first')
  edit('second')
  expect(shown()?.text).toBe('second')
  for (const outcome of outcomes) await end(outcome)
  expect(shown()?.text).toBe(text)
})

test('CL-1 an answer does not undo what was heard of since it was read', async () => {
  const { network, letGo } = heldBack('editMessage')
  const { client, model, id, shown, edit } = await writing(network)
  edit('here')
  model.edit(id, 'on another device')
  for (const seq of [model.head - 1, model.head]) client.sync.receive(model.event(seq))
  await letGo()
  expect(shown()).toEqual(model.message(id))
})

test('CL-1 a change that is refused does not undo a later one', async () => {
  const { network, end } = undecided()
  const { client, model, id, shown, edit } = await writing(network)
  edit('here')
  model.edit(id, 'on another device')
  client.sync.receive(model.event(model.head))
  await end('refused')
  expect(shown()).toEqual(model.message(id))
})
