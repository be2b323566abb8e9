import { ParleyError } from '../../packages/protocol/src/errors.ts'
import { type OperationInput, type OperationOutput, operations } from '../../packages/protocol/src/operations.ts'
import type { OperationName } from '../../packages/protocol/src/routes.ts'
import type { Target, Who } from '../../packages/testing/src/people.ts'
import { requestOf } from '../../packages/testing/src/request.ts'
import { openSocket, type TestSocket } from '../../packages/testing/src/socket.ts'
import { lastingToken } from './token.ts'

/** An answer, and how long it took, milliseconds. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly took: number
}

/** As long as a client waits for an answer before it tries again, milliseconds. */
const patience = 12_000

/** Somebody who knows several servers, and goes to the next one when his does not answer. */
export class Roamer {
  readonly who: Who
  readonly #entrances: readonly Target[]
  readonly token: string
  #at: number

  private constructor(who: Who, entrances: readonly Target[], token: string, at: number) {
    this.who = who
    this.#entrances = entrances
    this.token = token
    this.#at = at
  }

  /** @param at the server he begins at */
  static create(who: Who, entrances: readonly Target[], at: number): Roamer {
    const [first] = entrances
    if (!first) throw new Error('There is no server')
    return new Roamer(who, entrances, lastingToken(first, who), at % entrances.length)
  }

  /** The server he is at. */
  get at(): number {
    return this.#at
  }

  move(): void {
    this.#at = (this.#at + 1) % this.#entrances.length
  }

  /** Asks once; throws when no answer comes. */
  async ask<Name extends OperationName>(name: Name, input: OperationInput<Name>, at = this.#at): Promise<Answer> {
    const begun = performance.now()
    const { method, path, headers = {}, body } = requestOf(name, input)
    const answer = await fetch(`${this.#entrances[at]?.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...headers },
      signal: AbortSignal.timeout(patience),
      ...(body === undefined ? {} : { body }),
    })
    return { status: answer.status, text: await answer.text(), took: performance.now() - begun }
  }

  /**
   * Asks once, and reads the answer by its schema.
   * @throws ParleyError as answered
   */
  async call<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<OperationOutput<Name>> {
    const { status, text } = await this.ask(name, input)
    if (status === 200) return operations[name].output.parse(JSON.parse(text)) as OperationOutput<Name>
    const { error } = JSON.parse(text)
    throw new ParleyError(error.code, error.message)
  }

  open(): Promise<TestSocket> {
    return openSocket(this.#entrances[this.#at]?.url ?? '', { token: this.token })
  }
}
