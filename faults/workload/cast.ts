import { setTimeout as sleep } from 'node:timers/promises'
import type { Role } from '../../packages/protocol/src/users.ts'
import type { Who } from '../../packages/testing/src/people.ts'
import type { Stage } from '../stage/stage.ts'
import { Roamer } from './roamer.ts'

/** How many of everything there are. */
const numbers = {
  conversations: 10,
  /** The last ones of them have people of another company in them. */
  external: 4,
  teamWriters: 16,
  externalWriters: 4,
  teamReaders: 34,
  externalReaders: 6,
} as const

/** A conversation, and who is in it. */
export interface Setting {
  readonly id: string
  readonly external: boolean
}

/** Everybody, and where they write and read. */
export interface Cast {
  readonly owner: Roamer
  readonly settings: readonly Setting[]
  /** Each with the conversations he writes into. */
  readonly writers: readonly { roamer: Roamer; places: readonly Setting[] }[]
  readonly readers: readonly { roamer: Roamer; places: readonly Setting[] }[]
  /** Somebody who reads the first conversation of each kind, and will be removed. */
  readonly victim: { roamer: Roamer; places: readonly Setting[] }
}

const workspace = 'faults'

function whoIs(id: string, role: Role): Who {
  const external = role === 'external'
  const organization = external
    ? ({ id: 'acme', name: 'Acme', kind: 'client' } as const)
    : ({ id: 'studio', name: 'Studio', kind: 'own' } as const)
  return { id, role, workspace, organization }
}

/** Makes somebody known. */
export async function arrive(stage: Stage, id: string, role: Role, at: number): Promise<Roamer> {
  const roamer = Roamer.create(whoIs(id, role), stage.entrances, at)
  await roamer.call('getMe', {})
  return roamer
}

function group(stage: Stage, name: string, role: Role, count: number): Promise<Roamer[]> {
  return Promise.all(Array.from({ length: count }, (_v, index) => arrive(stage, `${name}${index}`, role, index)))
}

type Casting = (index: number) => readonly number[]

/** Writers write in two, readers read in three; people of the other company only where they may. */
const inTwo: Casting = (index) => [index % numbers.conversations, (index + 5) % numbers.conversations]
const inThree: Casting = (index) => [0, 3, 7].map((step) => (index + step) % numbers.conversations)
const firstExternal = numbers.conversations - numbers.external
const outside: Casting = (index) => [0, 1].map((step) => firstExternal + ((index + step) % numbers.external))

async function create(owner: Roamer, index: number, participants: readonly string[]): Promise<Setting> {
  const external = index >= firstExternal
  const kind = external ? 'external' : 'internal'
  const { conversation } = await owner.call('createConversation', { kind, participants: [...participants] })
  return { id: conversation.conversation.id, external }
}

/** Makes everybody known and starts the conversations. */
export async function cast(stage: Stage): Promise<Cast> {
  const owner = await arrive(stage, 'owner', 'member', 0)
  const victim = { roamer: await arrive(stage, 'victim', 'member', 1), indexes: [0, firstExternal] }
  const place = (roamers: readonly Roamer[], casting: Casting) =>
    roamers.map((roamer, index) => ({ roamer, indexes: casting(index) }))
  const writers = [
    ...place(await group(stage, 'writer', 'member', numbers.teamWriters), inTwo),
    ...place(await group(stage, 'guest-writer', 'external', numbers.externalWriters), outside),
  ]
  const readers = [
    ...place(await group(stage, 'reader', 'member', numbers.teamReaders), inThree),
    ...place(await group(stage, 'guest-reader', 'external', numbers.externalReaders), outside),
  ]
  const everybody = [...writers, ...readers, victim]
  const settings: Setting[] = []
  for (let index = 0; index < numbers.conversations; index += 1) {
    const present = everybody.filter(({ indexes }) => indexes.includes(index))
    settings.push(
      await create(
        owner,
        index,
        present.map(({ roamer }) => roamer.who.id),
      ),
    )
    await sleep(0)
  }
  const toPlaces = ({ roamer, indexes }: { roamer: Roamer; indexes: readonly number[] }) => ({
    roamer,
    places: indexes.flatMap((index) => settings[index] ?? []),
  })
  return { owner, settings, writers: writers.map(toPlaces), readers: readers.map(toPlaces), victim: toPlaces(victim) }
}
