import { setTimeout as sleep } from 'node:timers/promises'
import type { ErrorBody } from '../../packages/protocol/src/errors.ts'
import type { Message } from '../../packages/protocol/src/messages.ts'
import { newKey } from '../../packages/testing/src/builders.ts'
import type { Seeded } from '../../packages/testing/src/seeded.ts'
import type { TestSocket } from '../../packages/testing/src/socket.ts'
import type { Acknowledgement, Intent } from '../../packages/testing/src/writer.ts'
import type { Roamer } from './roamer.ts'

/** When a message was first sent, and when and from which server its acknowledgement came. */
export interface Timing {
  readonly begun: number
  readonly known: number
  readonly at: number
}

/** How a writer sends. */
type Way = 'http' | 'socket'

interface Plan {
  readonly way: Way
  /** Milliseconds from one message to the next. */
  readonly pace: number
  readonly seeded: Seeded
  /** Where the nth message goes, and for whom. */
  next(index: number): Pick<Intent, 'conversationId' | 'audience'>
}

const retryDelay = 60
const restCheck = 20
const doubledEvery = 9
/** Begins the text of every note, so that it is known wherever it turns up. */
export const noteMark = 'note-to-the-team'

function mayTryAgain(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429
}

/** Somebody who writes one message after another, each under one key until its outcome is known, at whatever server answers. */
export class StandingWriter {
  readonly intents: Intent[] = []
  readonly acknowledgements: Acknowledgement[] = []
  readonly timings = new Map<string, Timing>()
  /** Every status that was answered and is not 200, and how often. */
  readonly refusals = new Map<number, number>()
  /** Answers that were no refusal to try again later. */
  readonly faults: string[] = []
  readonly roamer: Roamer
  readonly #plan: Plan
  readonly #running: Promise<void>
  #socket: TestSocket | undefined
  #stopped = false
  #abandoned = false
  #slowest = 0
  lastKnown = 0
  /** Writes nothing new while this is set. */
  paused = false
  resting = false

  constructor(roamer: Roamer, plan: Plan) {
    this.roamer = roamer
    this.#plan = plan
    this.#running = this.#run()
    this.#running.catch(() => undefined)
  }

  /** The longest any answer has taken since the last time this was asked, milliseconds. */
  takeSlowest(): number {
    const slowest = this.#slowest
    this.#slowest = 0
    return slowest
  }

  /** Takes acknowledgements of a span of time back; answers how many those were. */
  forgive(from: number, to: number): number {
    const gone = new Set([...this.timings].flatMap(([key, { known }]) => (known >= from && known <= to ? [key] : [])))
    const kept = this.acknowledgements.filter(({ clientKey }) => !gone.has(clientKey))
    this.acknowledgements.splice(0, this.acknowledgements.length, ...kept)
    return gone.size
  }

  /**
   * Lets the last message become known, then stops.
   * @param limit after which it is given up, milliseconds
   */
  async stop(limit: number): Promise<void> {
    this.#stopped = true
    const timer = setTimeout(() => {
      this.#abandoned = true
    }, limit)
    await this.#running.catch((error: unknown) => this.faults.push(`${this.roamer.who.id}: ${error}`))
    clearTimeout(timer)
    this.#socket?.drop()
  }

  async #run(): Promise<void> {
    const { pace, seeded, next } = this.#plan
    let due = performance.now() + seeded.below(pace)
    for (let index = 0; !this.#stopped; index += 1) {
      await sleep(Math.max(0, due - performance.now()))
      await this.#rest()
      if (this.#stopped) return
      due = Math.max(due + pace, performance.now() - pace)
      const { conversationId, audience } = next(index)
      const text = `${audience === 'team' ? noteMark : 'message'} ${this.roamer.who.id} ${index}`
      const intent = { conversationId, senderId: this.roamer.who.id, clientKey: newKey(), text, audience }
      this.intents.push(intent)
      const times = index % doubledEvery === 0 ? 2 : 1
      const begun = performance.now()
      await Promise.all(Array.from({ length: times }, () => this.#insist(intent, begun)))
    }
  }

  async #rest(): Promise<void> {
    this.resting = this.paused
    while (this.paused && !this.#stopped) await sleep(restCheck)
    this.resting = false
  }

  async #insist(intent: Intent, begun: number): Promise<void> {
    while (!this.#abandoned) {
      const message = await this.#try(intent)
      if (message) {
        this.lastKnown = performance.now()
        this.acknowledgements.push({ ...intent, messageId: message.id, seq: message.seq })
        this.timings.set(intent.clientKey, { begun, known: this.lastKnown, at: this.roamer.at })
        return
      }
      await sleep(retryDelay + this.#plan.seeded.below(retryDelay))
    }
    throw new Error(`${intent.text} did not become known`)
  }

  async #try(intent: Intent): Promise<Message | null> {
    const begun = performance.now()
    try {
      return await (this.#plan.way === 'http' ? this.#overHttp(intent) : this.#overSocket(intent))
    } catch {
      this.roamer.move()
      this.#socket?.drop()
      this.#socket = undefined
      return null
    } finally {
      this.#slowest = Math.max(this.#slowest, performance.now() - begun)
    }
  }

  async #overHttp({ senderId, ...input }: Intent): Promise<Message | null> {
    const { status, text } = await this.roamer.ask('sendMessage', input)
    if (status === 200) return JSON.parse(text).message
    return this.#refused(status, text)
  }

  async #overSocket({ senderId, ...input }: Intent): Promise<Message | null> {
    if (!this.#socket?.connected) this.#socket = await this.roamer.open()
    const answer = (await this.#socket.commandRaw('send-message', input)) as { ok?: { message: Message } } & ErrorBody
    if (answer.ok) return answer.ok.message
    return this.#refused(answer.error.code === 'unavailable' ? 503 : 400, JSON.stringify(answer))
  }

  #refused(status: number, text: string): null {
    this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1)
    if (!mayTryAgain(status)) this.faults.push(`${this.roamer.who.id} was refused: ${status} ${text}`)
    if (!mayTryAgain(status)) this.#abandoned = true
    return null
  }
}
