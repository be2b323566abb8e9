import {
  type CommandInput,
  type CommandName,
  commands,
  type ErrorBody,
  type ErrorCode,
  type OperationInput,
  type OperationName,
  operations,
} from '@parley/protocol'
import {
  newKey,
  newMark,
  note,
  openSocket,
  type Person,
  people,
  person,
  type RawAnswer,
  requestOf,
  say,
  sendRaw,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server.close())

const actors = ['nobody', 'foreign', 'outside', 'participant', 'external', 'removed', 'administrator'] as const
type ActorName = (typeof actors)[number]
type Outcome = 'ok' | ErrorCode
/** What each of the actors gets, in their order. */
type Row = readonly [Outcome, Outcome, Outcome, Outcome, Outcome, Outcome, Outcome]

/** A conversation of alice, bob and carol which dave was taken out of; its words hold the mark. */
interface Scene {
  readonly mark: string
  readonly conversationId: string
  readonly messages: Readonly<Record<'alices' | 'bobs' | 'carols' | 'daves' | 'note', string>>
  readonly alice: Person
  readonly people: Readonly<Record<Exclude<ActorName, 'nobody'>, Person>>
}

async function scene(): Promise<Scene> {
  const { alice, bob, carol, dave, eve, mallory, root } = await people(server)
  const mark = newMark()
  const { conversation } = await startConversation(alice, [bob, carol, dave], { subject: mark })
  const { id } = conversation
  const [alices, bobs, carols, daves] = await Promise.all([alice, bob, carol, dave].map((who) => say(who, id, mark)))
  const hidden = await note(alice, id, mark)
  await alice.call('removeParticipant', { conversationId: id, userId: dave.id })
  const ids = { alices: alices?.id ?? '', bobs: bobs?.id ?? '', carols: carols?.id ?? '', daves: daves?.id ?? '' }
  return {
    mark,
    conversationId: id,
    messages: { ...ids, note: hidden.id },
    alice,
    people: { foreign: mallory, outside: eve, participant: bob, external: carol, removed: dave, administrator: root },
  }
}

/** A conversation inside the team. Who was taken out of the other one was of the team and in this one when it began; then he became an outsider. */
async function innerScene(): Promise<Scene> {
  const { alice, bob, carol, eve, mallory, root } = await people(server)
  const mark = newMark()
  const insider = { id: `moved-${newMark()}`, workspace: 'w1' } as const
  const before = await person(server, { ...insider, role: 'member', issuedAt: Math.floor(Date.now() / 1000) - 10 })
  const { conversation } = await startConversation(alice, [bob, before], { subject: mark, kind: 'internal' })
  const [alices, bobs, daves] = await Promise.all([alice, bob, before].map((who) => say(who, conversation.id, mark)))
  const removed = await person(server, { ...insider, role: 'external' })
  const ids = { alices: alices?.id ?? '', bobs: bobs?.id ?? '', carols: bobs?.id ?? '', daves: daves?.id ?? '' }
  return {
    mark,
    conversationId: conversation.id,
    messages: { ...ids, note: ids.alices },
    alice,
    people: { foreign: mallory, outside: eve, participant: bob, external: carol, removed, administrator: root },
  }
}

interface Case<Name extends OperationName> {
  readonly row: Row
  /** `actorId` is the id of who asks. */
  readonly input: (scene: Scene, actorId: string) => OperationInput<Name>
}

type Cases = { readonly [Name in OperationName]: Readonly<Record<string, Case<Name>>> }

const anybody: Row = ['unauthenticated', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok']
const insiders: Row = ['unauthenticated', 'not_found', 'not_found', 'ok', 'ok', 'not_found', 'not_found']
const team: Row = ['unauthenticated', 'not_found', 'not_found', 'ok', 'forbidden', 'not_found', 'not_found']
const visibleOnly: Row = [
  'unauthenticated',
  'not_found',
  'not_found',
  'forbidden',
  'forbidden',
  'not_found',
  'not_found',
]
const ownOfExternal: Row = ['unauthenticated', 'not_found', 'not_found', 'forbidden', 'ok', 'not_found', 'not_found']
const noteReaders: Row = ['unauthenticated', 'not_found', 'not_found', 'ok', 'not_found', 'not_found', 'not_found']
const noteWriter: Row = [
  'unauthenticated',
  'not_found',
  'not_found',
  'forbidden',
  'not_found',
  'not_found',
  'not_found',
]

function same(outcome: Outcome): Row {
  return [outcome, outcome, outcome, outcome, outcome, outcome, outcome]
}

const here = ({ conversationId }: Scene) => ({ conversationId })

const cases: Cases = {
  signIn: {
    'with a password that is wrong': {
      row: same('credentials_invalid'),
      input: () => ({ email: 'alice@example.com', password: 'not the password' }),
    },
  },
  signInWithLink: {
    'with a link that never was': { row: same('link_used'), input: () => ({ token: newMark() }) },
  },
  signOut: { 'of oneself': { row: anybody, input: () => ({}) } },
  getMe: { 'of oneself': { row: anybody, input: () => ({}) } },
  listUsers: {
    'of all people': { row: anybody, input: () => ({}) },
    'of people by id': { row: anybody, input: () => ({ ids: 'alice,bob,carol,dave' }) },
  },
  listConversations: {
    'of all conversations': { row: anybody, input: () => ({}) },
    'by what they hold': { row: anybody, input: ({ mark }) => ({ q: mark }) },
  },
  createConversation: {
    'with a member of the team': {
      row: ['unauthenticated', 'invalid', 'ok', 'ok', 'ok', 'ok', 'ok'],
      input: () => ({ kind: 'external', participants: ['bob'] }),
    },
    'inside the team': {
      row: ['unauthenticated', 'invalid', 'ok', 'ok', 'forbidden', 'forbidden', 'ok'],
      input: () => ({ kind: 'internal', participants: ['bob'] }),
    },
  },
  getConversation: { 'one is or is not in': { row: insiders, input: here } },
  updateConversation: {
    'with a subject': { row: team, input: (at) => ({ ...here(at), subject: `${at.mark} new` }) },
    'with a status': { row: team, input: (at) => ({ ...here(at), status: 'closed' }) },
    'with nothing': { row: insiders, input: here },
  },
  listParticipants: { 'of the conversation': { row: insiders, input: here } },
  addParticipant: {
    'somebody else': { row: team, input: (at) => ({ ...here(at), userId: 'alice' }) },
    oneself: { row: team, input: (at, userId) => ({ ...here(at), userId }) },
  },
  updateParticipant: {
    'somebody else': { row: team, input: (at) => ({ ...here(at), userId: 'alice', role: 'member' }) },
    oneself: { row: team, input: (at, userId) => ({ ...here(at), userId, role: 'owner' }) },
  },
  removeParticipant: {
    'somebody else': { row: team, input: (at) => ({ ...here(at), userId: 'alice' }) },
    oneself: { row: insiders, input: (at, userId) => ({ ...here(at), userId }) },
    'somebody who is not there': {
      row: ['unauthenticated', 'not_found', 'not_found', 'not_found', 'not_found', 'not_found', 'not_found'],
      input: (at) => ({ ...here(at), userId: 'eve' }),
    },
  },
  listMessages: { 'of the conversation': { row: insiders, input: here } },
  sendMessage: {
    'to everyone': { row: insiders, input: (at) => ({ ...here(at), clientKey: newKey(), text: 'x' }) },
    'to the team': { row: team, input: (at) => ({ ...here(at), clientKey: newKey(), text: 'x', audience: 'team' }) },
    'to the team, citing a note': {
      row: team,
      input: (at) => ({ ...here(at), clientKey: newKey(), text: 'x', audience: 'team', replyTo: at.messages.note }),
    },
    'to everyone, citing a note': {
      row: ['unauthenticated', 'not_found', 'not_found', 'invalid', 'not_found', 'not_found', 'not_found'],
      input: (at) => ({ ...here(at), clientKey: newKey(), text: 'x', replyTo: at.messages.note }),
    },
  },
  getMessage: {
    'to everyone': { row: insiders, input: ({ messages }) => ({ messageId: messages.alices }) },
    'of somebody who was removed': { row: insiders, input: ({ messages }) => ({ messageId: messages.daves }) },
    'to the team': { row: noteReaders, input: ({ messages }) => ({ messageId: messages.note }) },
  },
  editMessage: {
    "alice's": { row: visibleOnly, input: ({ messages }) => ({ messageId: messages.alices, text: 'x' }) },
    "the participant's own": { row: team, input: ({ messages }) => ({ messageId: messages.bobs, text: 'x' }) },
    "the external's own": { row: ownOfExternal, input: ({ messages }) => ({ messageId: messages.carols, text: 'x' }) },
    "the removed's own": { row: visibleOnly, input: ({ messages }) => ({ messageId: messages.daves, text: 'x' }) },
    "alice's note": { row: noteWriter, input: ({ messages }) => ({ messageId: messages.note, text: 'x' }) },
  },
  deleteMessage: {
    "alice's": { row: visibleOnly, input: ({ messages }) => ({ messageId: messages.alices }) },
    "the participant's own": { row: team, input: ({ messages }) => ({ messageId: messages.bobs }) },
    "the external's own": { row: ownOfExternal, input: ({ messages }) => ({ messageId: messages.carols }) },
    "the removed's own": { row: visibleOnly, input: ({ messages }) => ({ messageId: messages.daves }) },
    "alice's note": { row: noteWriter, input: ({ messages }) => ({ messageId: messages.note }) },
  },
  listChanges: { 'of the conversation': { row: insiders, input: (at) => ({ ...here(at), after: 0 }) } },
  markRead: { 'of oneself': { row: insiders, input: (at) => ({ ...here(at), seq: 1 }) } },
  getStats: {
    'of the workspace': {
      row: ['unauthenticated', 'ok', 'forbidden', 'forbidden', 'forbidden', 'forbidden', 'ok'],
      input: () => ({}),
    },
  },
  markDelivered: { 'of oneself': { row: insiders, input: (at) => ({ ...here(at), seq: 1 }) } },
}

async function ask<Name extends OperationName>(
  at: Scene,
  actor: ActorName,
  name: Name,
  input: OperationInput<Name>,
): Promise<RawAnswer> {
  return actor === 'nobody' ? sendRaw(server.url, requestOf(name, input)) : at.people[actor].callRaw(name, input)
}

/** An answer without what differs from request to request. */
function bytesOf({ status, headers, text }: RawAnswer): object {
  const kept = [...headers].filter(([header]) => header !== 'date')
  return { status, headers: kept, text: text.replace(/"requestId":"[^"]+"/, '"requestId":""') }
}

function elsewhere<Name extends OperationName>(input: OperationInput<Name>): OperationInput<Name> {
  const fields: Record<string, unknown> = { ...input }
  const field = ['replyTo', 'messageId', 'conversationId'].find((candidate) => candidate in fields) ?? ''
  return { ...fields, [field]: server.running.services.ids() } as OperationInput<Name>
}

async function headOf({ alice, conversationId }: Scene): Promise<string> {
  return (await alice.callRaw('getConversation', { conversationId })).text
}

async function checkRefusal<Name extends OperationName>(
  at: Scene,
  actor: ActorName,
  name: Name,
  input: OperationInput<Name>,
  expected: ErrorCode,
): Promise<void> {
  const before = await headOf(at)
  const answer = await ask(at, actor, name, input)
  const { error } = JSON.parse(answer.text) as ErrorBody
  expect(error.code, actor).toBe(expected)
  expect(operations[name].errors, actor).toContain(error.code)
  expect(answer.text, actor).not.toContain(at.mark)
  expect(await headOf(at), `${actor} changes nothing`).toBe(before)
  if (expected !== 'not_found') return
  const unknown = await ask(at, actor, name, elsewhere(input))
  expect(bytesOf(answer), `${actor}: like an id that never was`).toEqual(bytesOf(unknown))
}

async function checkSuccess<Name extends OperationName>(
  at: Scene,
  actor: Exclude<ActorName, 'nobody'>,
  name: Name,
  input: OperationInput<Name>,
): Promise<void> {
  const answer = await ask(at, actor, name, input)
  expect(answer.status, `${actor}: ${answer.text}`).toBe(200)
  operations[name].output.parse(JSON.parse(answer.text))
  if (!['participant', 'external'].includes(actor)) expect(answer.text, actor).not.toContain(at.mark)
  if (actor === 'foreign') expect(answer.text).not.toContain('alice')
}

/** Those who are refused first: they change nothing. */
async function checkRow<Name extends OperationName>(
  name: Name,
  { row, input }: Case<Name>,
  at: Scene,
  asking: readonly ActorName[] = actors,
): Promise<void> {
  const cells = asking.map((actor) => ({ actor, outcome: row[actors.indexOf(actor)] ?? 'ok' }))
  const inputFor = (actor: ActorName) => input(at, actor === 'nobody' ? 'nobody' : at.people[actor].id)
  for (const { actor, outcome } of cells) {
    if (outcome !== 'ok') await checkRefusal(at, actor, name, inputFor(actor), outcome)
  }
  for (const { actor, outcome } of cells) {
    if (outcome === 'ok' && actor !== 'nobody') await checkSuccess(at, actor, name, inputFor(actor))
  }
}

test('R1 every operation of the protocol has its rows, and no other', () => {
  expect(new Set(Object.keys(cases))).toEqual(new Set(Object.keys(operations)))
})

describe.each(Object.keys(operations) as OperationName[])('R1 %s', (name) => {
  test.each(Object.keys(cases[name]))('%s: each actor gets what the matrix says', async (title) => {
    const found = (cases[name] as Record<string, Case<typeof name>>)[title]
    if (!found) throw new Error('There is no such case')
    await checkRow(name, found, await scene())
  })

  test.each(Object.keys(cases[name]))('%s: SEC-53 the same where an outsider was of the team', async (title) => {
    const found = (cases[name] as Record<string, Case<typeof name>>)[title]
    if (!found) throw new Error('There is no such case')
    await checkRow(name, found, await innerScene(), ['removed'])
  })
})

type CommandCases = {
  readonly [Name in CommandName]: { readonly row: Row; readonly input: (scene: Scene) => CommandInput<Name> }
}

const commandCases: CommandCases = {
  resume: { row: anybody, input: ({ conversationId }) => ({ epoch: null, cursors: { [conversationId]: 0 } }) },
  'send-message': {
    row: insiders,
    input: (at) => ({ ...here(at), clientKey: newKey(), text: 'over the socket', audience: 'everyone' }),
  },
  'start-typing': { row: insiders, input: (at) => ({ ...here(at), audience: 'everyone' }) },
  'stop-typing': { row: team, input: (at) => ({ ...here(at), audience: 'team' }) },
  'set-presence': { row: anybody, input: () => ({ state: 'away' }) },
}

test('R2 every command of the socket has its row, and no other', () => {
  expect(new Set(Object.keys(commandCases))).toEqual(new Set(Object.keys(commands)))
})

async function checkCommand(at: Scene, actor: Exclude<ActorName, 'nobody'>, name: CommandName): Promise<void> {
  const { row, input } = commandCases[name]
  const socket = await at.people[actor].online()
  const answer = JSON.stringify(await socket.commandRaw(name, input(at)))
  const outcome = row[actors.indexOf(actor)] ?? 'ok'
  expect(answer, actor).toContain(outcome === 'ok' ? '{"ok":' : `{"error":{"code":"${outcome}"`)
  const inside = actor === 'participant' || actor === 'external'
  if (!inside) expect(`${answer} ${JSON.stringify(socket.frames)}`, actor).not.toContain(at.mark)
  if (!inside) expect(answer, actor).not.toContain(at.conversationId)
  socket.close()
}

describe.each(Object.keys(commands) as CommandName[])('R2 %s', (name) => {
  test('each actor gets over the socket what the matrix says', async () => {
    const at = await scene()
    for (const actor of actors) if (actor !== 'nobody') await checkCommand(at, actor, name)
  })

  test('SEC-53 the same where an outsider was of the team', async () => {
    await checkCommand(await innerScene(), 'removed', name)
  })
})

test('R2 nobody opens a socket', async () => {
  await expect(openSocket(server.url, {})).rejects.toMatchObject({ code: 'unauthenticated' })
  await expect(openSocket(server.url, { token: newMark() })).rejects.toMatchObject({ code: 'unauthenticated' })
})
