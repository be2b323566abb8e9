import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../../packages/testing/src/seeded.ts'
import type { Stage } from '../stage/stage.ts'
import { type Cast, cast } from './cast.ts'
import { StandingReader } from './reader.ts'
import { StandingWriter } from './writer.ts'

/** The delays from sending to arriving, of what was sent at one server and read at another, milliseconds, shortest first. */
export type Delays = readonly number[]

/** How often each of the 20 writers writes, milliseconds. */
const pace = 300
const patience = 90_000
const pollInterval = 10

/** The standing workload: 20 writers, 10 conversations, 40 readers, and somebody who gets removed. */
export class Workload {
  readonly cast: Cast
  readonly writers: readonly StandingWriter[]
  readonly readers: readonly StandingReader[]
  readonly victim: StandingReader
  readonly #stage: Stage

  private constructor(stage: Stage, people: Cast, seed: number) {
    this.#stage = stage
    this.cast = people
    const random = seeded(seed)
    this.readers = people.readers.map(
      ({ roamer, places }) =>
        new StandingReader(
          roamer,
          places.map(({ id }) => id),
        ),
    )
    this.victim = new StandingReader(
      people.victim.roamer,
      people.victim.places.map(({ id }) => id),
    )
    this.writers = people.writers.map(({ roamer, places }, index) => {
      const mayNote = roamer.who.role !== 'external'
      const next = (turn: number) => {
        const place = places[turn % places.length]
        return { conversationId: place?.id ?? '', audience: noteOr(mayNote && place?.external === true, turn) }
      }
      return new StandingWriter(roamer, {
        way: index % 2 === 0 ? 'http' : 'socket',
        pace,
        seeded: seeded(random.below(2 ** 31)),
        next,
      })
    })
  }

  static async start(stage: Stage, seed: number): Promise<Workload> {
    return new Workload(stage, await cast(stage), seed)
  }

  /** Waits until every writer was answered since a moment, and every reader stands where the log did then; answers how long that took. */
  async recovered(since = performance.now()): Promise<number> {
    await this.#until(() => this.writers.every(({ lastKnown }) => lastKnown > since), 'every writer is answered')
    await this.level()
    return performance.now() - since
  }

  /** Waits until all readers stand at the end of the log. */
  async level(): Promise<void> {
    const heads = await this.#heads()
    const isLevel = (reader: StandingReader) =>
      reader.conversationIds.every((id) => {
        const head = heads.get(id)
        return reader.position(id) >= ((reader.team ? head?.seq : head?.publicSeq) ?? 0)
      })
    await this.#until(() => this.readers.every(isLevel), 'every reader is level')
  }

  /** Lets the writers fall silent, once what they wrote last is known. */
  async pause(): Promise<void> {
    for (const writer of this.writers) writer.paused = true
    await this.#until(() => this.writers.every(({ resting }) => resting), 'every writer rests')
  }

  goOn(): void {
    for (const writer of this.writers) writer.paused = false
  }

  /** Removes the victim from his first conversation, insisting until it is known; answers the position. */
  async removeVictim(): Promise<{ conversationId: string; seq: number }> {
    const { owner, victim } = this.cast
    const conversationId = victim.places[0]?.id ?? ''
    const input = { conversationId, userId: victim.roamer.who.id }
    const deadline = performance.now() + patience
    while (performance.now() < deadline) {
      const [answer] = await Promise.allSettled([owner.call('removeParticipant', input)])
      if (answer.status === 'fulfilled') break
      owner.move()
      await sleep(100)
    }
    const reader = await this.#stage.owner()
    const [row] = await reader.query<{ seq: number }>(
      `select seq from parley.changes where conversation_id = $1 and type = 'participant-removed' and entity_id = $2`,
      [conversationId, victim.roamer.who.id],
    )
    await reader.end()
    if (!row) throw new Error('The victim could not be removed')
    return { conversationId, seq: row.seq }
  }

  /** From sending to arriving at another server, for everything sent in a span of time. */
  delays(from: number, to: number): Delays {
    const sent = new Map(this.writers.flatMap(({ timings }) => [...timings]))
    return this.readers
      .flatMap(({ arrivals }) => arrivals)
      .flatMap(({ clientKey, when, at }) => {
        const timing = sent.get(clientKey)
        const counts = timing && timing.at !== at && timing.begun >= from && timing.begun <= to
        return counts ? [when - timing.begun] : []
      })
      .sort((a, b) => a - b)
  }

  /** How long sends took that began in a span of time, milliseconds, shortest first. */
  answers(from: number, to: number, counts: (conversationId: string) => boolean = () => true): Delays {
    return this.writers
      .flatMap(({ intents, timings }) =>
        intents.flatMap(({ clientKey, conversationId }) => {
          const timing = timings.get(clientKey)
          const fits = timing && timing.begun >= from && timing.begun <= to && counts(conversationId)
          return fits ? [timing.known - timing.begun] : []
        }),
      )
      .sort((a, b) => a - b)
  }

  /** The longest a single request has taken since the last time this was asked, milliseconds. */
  takeSlowest(): number {
    return Math.max(...this.writers.map((writer) => writer.takeSlowest()))
  }

  /** Counts what became known in a span of time as unknown: a restore took it away. Answers how many those are. */
  forgive(from: number, to: number): number {
    return this.writers.reduce((sum, writer) => sum + writer.forgive(from, to), 0)
  }

  /** Lets what was sent last become known, and waits until everybody has read it. */
  async settle(): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.stop(patience)))
    await this.level()
  }

  async stop(): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.stop(0)))
    await Promise.all([...this.readers, this.victim].map((reader) => reader.stop()))
  }

  async #heads(): Promise<Map<string, { seq: number; publicSeq: number }>> {
    const owner = await this.#stage.owner()
    const rows = await owner.query<{ id: string; seq: number; publicSeq: number }>(
      'select id, seq, public_seq as "publicSeq" from parley.conversations',
      [],
    )
    await owner.end()
    return new Map(rows.map((row) => [row.id, row]))
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + patience
    while (!isSo()) {
      if (performance.now() > deadline) throw new Error(`Not within ${patience / 1_000} s: ${what}`)
      await sleep(pollInterval)
    }
  }
}

function noteOr(may: boolean, turn: number): 'team' | 'everyone' {
  return may && turn % 3 === 0 ? 'team' : 'everyone'
}

/** The value that so many of a hundred do not exceed. */
export function percentile(sorted: Delays, percent: number): number {
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0
}
