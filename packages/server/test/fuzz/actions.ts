import { setTimeout as sleep } from 'node:timers/promises'
import type { ListFilter } from '@parley/client'
import type { ConversationStatus, Message } from '@parley/protocol'
import type { Device } from '@parley/testing'
import { beside, mark, type World } from './world.ts'

/** Somebody looks at one of the conversations. */
interface Scene {
  readonly device: Device
  readonly conversationId: string
}

/** Does something and says what, or null when there was nothing to do it with. */
type Action = (world: World, scene: Scene) => string | null

/** Who may be taken out and come back; whether they then see what was before. */
const guests = { bob: 'all', dave: 'none', eve: 'none' } as const
const guestIds = Object.keys(guests) as readonly (keyof typeof guests)[]

function messagesOf({ device, conversationId }: Scene): readonly Message[] {
  const loaded = device.client.store.getState().timelines[conversationId]?.items ?? []
  return loaded.filter(({ kind, deletedAt }) => kind !== 'system' && deletedAt === null)
}

function isTeam({ person }: Device): boolean {
  return person.role !== 'external'
}

function isExternal({ conversationIds }: World, conversationId: string): boolean {
  return conversationIds.indexOf(conversationId) < 2
}

/** Who is not known yet sees no place to write in. Of several devices of a person the first one writes: only one has an order. */
function canSay({ devices }: World, { device }: Scene): boolean {
  const isFirst = devices.find(({ person }) => person === device.person) === device
  return isFirst && device.client.store.getState().session.status === 'signed-in'
}

function say(world: World, { device, conversationId }: Scene, audience: 'everyone' | 'team', replyTo?: Message): void {
  const text = `${device.person.id} ${device.intents.length} ${mark(world)}`
  device.send({ conversationId, text, audience, ...(replyTo ? { replyTo } : {}) })
}

const send: Action = (world, scene) => {
  if (!canSay(world, scene)) return null
  const count = 1 + world.random.below(4)
  for (let index = 0; index < count; index += 1) say(world, scene, 'everyone')
  return `${count}`
}

const note: Action = (world, scene) => {
  if (!canSay(world, scene) || !isTeam(scene.device) || !isExternal(world, scene.conversationId)) return null
  say(world, scene, 'team')
  return ''
}

const quote: Action = (world, scene) => {
  const cited = world.random.pick(messagesOf(scene))
  if (!canSay(world, scene) || !cited) return null
  say(world, scene, cited.audience, cited)
  return cited.id
}

const edit: Action = (world, scene) => {
  const { device, conversationId } = scene
  const own = messagesOf(scene).filter(({ senderId }) => senderId === device.person.id)
  const message = world.random.pick(own.slice(-5))
  if (!message) return null
  const text = `${device.person.id} edited ${mark(world)}`
  world.edits.push({ messageId: message.id, text })
  beside(world, 'edit', device.client.messages.edit(message.id, conversationId, text))
  return message.id
}

const remove: Action = (world, scene) => {
  const { device, conversationId } = scene
  const own = messagesOf(scene).filter(({ senderId }) => senderId === device.person.id)
  const message = world.random.pick(own.slice(-8))
  if (!message) return null
  beside(world, 'delete', device.client.messages.remove(message.id, conversationId))
  return message.id
}

/** Somebody who could enter the conversation, or be taken out of it. */
function guestFor(world: World, conversationId: string): keyof typeof guests {
  const fitting = guestIds.filter((id) => id !== 'dave' || isExternal(world, conversationId))
  return world.random.pick(fitting) ?? 'eve'
}

/** The one who owns the conversations, more often than not: others are refused. */
function host(world: World, device: Device): Device {
  return (world.random.chance(70) ? world.devices[0] : undefined) ?? device
}

const add: Action = (world, { device, conversationId }) => {
  const userId = guestFor(world, conversationId)
  const role = world.random.chance(20) ? 'owner' : 'member'
  beside(
    world,
    'add',
    host(world, device).client.participants.add(conversationId, { userId, role, history: guests[userId] }),
  )
  return userId
}

const takeOut: Action = (world, { device, conversationId }) => {
  const userId = guestFor(world, conversationId)
  beside(world, 'take out', host(world, device).client.participants.remove(conversationId, userId))
  return userId
}

const changeRole: Action = (world, { device, conversationId }) => {
  const userId = guestFor(world, conversationId)
  const role = world.random.chance(50) ? 'owner' : 'member'
  beside(world, 'role', device.client.participants.update(conversationId, { userId, role }))
  return `${userId} ${role}`
}

const rename: Action = (world, { device, conversationId }) => {
  const subject = `subject ${world.story.length}`
  beside(world, 'rename', device.client.conversations.update(conversationId, { subject }))
  return subject
}

const archivedFor = 300
const statuses: readonly ConversationStatus[] = ['open', 'open', 'waiting', 'closed', 'open', 'archived']

/** Others must be able to go on. */
async function reopenSoon({ all }: World, conversationId: string): Promise<void> {
  for (let reopened = false; !reopened; ) {
    await sleep(archivedFor)
    const update = all.alice.call('updateConversation', { conversationId, status: 'open' })
    reopened = await update.then(
      () => true,
      () => false,
    )
  }
}

const changeStatus: Action = (world, { conversationId }) => {
  const [device] = world.devices
  const status = world.random.pick(statuses) ?? 'open'
  if (!device) return null
  const { conversations } = device.client
  beside(world, 'status', conversations.update(conversationId, { status }))
  if (status === 'archived') beside(world, 'reopen', reopenSoon(world, conversationId))
  return status
}

const markRead: Action = (world, scene) => {
  const { device, conversationId } = scene
  const head = device.client.store.getState().conversations[conversationId]?.seq
  if (head === undefined) return null
  const seq = world.random.chance(60) ? head : (world.random.pick(messagesOf(scene))?.seq ?? head)
  device.client.reads.markRead(conversationId, seq)
  return `${seq}`
}

const open: Action = (world, { device, conversationId }) => {
  beside(world, 'open', device.client.conversations.open(conversationId))
  return ''
}

const filters: readonly ListFilter[] = [{}, { kind: 'external' }, { view: 'archived' }, { status: 'closed' }]

const loadList: Action = (world, { device }) => {
  const filter = world.random.pick(filters) ?? {}
  beside(world, 'list', device.client.conversations.load(filter))
  return JSON.stringify(filter)
}

const loadParticipants: Action = (world, { device, conversationId }) => {
  beside(world, 'participants', device.client.participants.load(conversationId))
  return ''
}

const loadBefore: Action = (world, { device, conversationId }) => {
  beside(world, 'before', device.client.messages.loadBefore(conversationId))
  return ''
}

const loadElsewhere: Action = (world, { device, conversationId }) => {
  const { messages, store } = device.client
  const head = store.getState().conversations[conversationId]?.seq ?? 0
  const seq = world.random.below(head + 1)
  beside(world, 'around', messages.loadAround(conversationId, seq))
  return `${seq}`
}

const loadLatest: Action = (world, { device, conversationId }) => {
  beside(world, 'latest', device.client.messages.loadLatest(conversationId))
  return ''
}

/** Something is wrong with a network for a while; then it flows again, or what it held is lost. */
function trouble(world: World, device: Device): void {
  const [wait, lost] = [100 + world.random.below(1_500), world.random.chance(50)]
  const recover = async () => {
    await sleep(wait)
    if (lost) device.network.cut()
    device.network.flow()
  }
  beside(world, 'trouble', recover())
}

const cut: Action = (_world, { device }) => {
  device.network.cut()
  return ''
}

const hold: Action = (world, { device }) => {
  const ways = world.random.pick([['up'], ['down'], ['up', 'down']] as const) ?? []
  device.network.hold(...ways)
  trouble(world, device)
  return ways.join(' and ')
}

const abandon: Action = (world, { device }) => {
  const side = world.random.chance(50) ? 'client' : 'server'
  device.network.abandon(side)
  trouble(world, device)
  return side
}

const delay: Action = (world, { device }) => {
  const milliseconds = 20 + world.random.below(300)
  device.network.delay(milliseconds)
  trouble(world, device)
  return `${milliseconds} ms`
}

/** A page is loaded anew and shows what such a page shows. */
const reload: Action = (world, { device, conversationId }) => {
  const again = async () => {
    await device.reload()
    await device.client.conversations.load({})
    await device.client.conversations.open(conversationId)
  }
  beside(world, 'reload', again())
  return ''
}

/** What clients do, and how often, in a hundred. */
export const actions: Readonly<Record<string, { readonly share: number; readonly act: Action }>> = {
  send: { share: 22, act: send },
  note: { share: 6, act: note },
  quote: { share: 5, act: quote },
  edit: { share: 6, act: edit },
  delete: { share: 3, act: remove },
  add: { share: 5, act: add },
  'take out': { share: 4, act: takeOut },
  role: { share: 2, act: changeRole },
  rename: { share: 2, act: rename },
  status: { share: 3, act: changeStatus },
  'mark read': { share: 8, act: markRead },
  open: { share: 6, act: open },
  list: { share: 2, act: loadList },
  participants: { share: 2, act: loadParticipants },
  before: { share: 4, act: loadBefore },
  around: { share: 2, act: loadElsewhere },
  latest: { share: 2, act: loadLatest },
  cut: { share: 5, act: cut },
  hold: { share: 4, act: hold },
  abandon: { share: 2, act: abandon },
  delay: { share: 2, act: delay },
  reload: { share: 3, act: reload },
}
