import type { Socket } from 'node:net'
import type pg from 'pg'

const awayStates = /^(08|40|53|57P|57014|55P03|25006|58)/
const awayErrno = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EACCES'])

/** What the pool says when a connection took too long: it was busy, or somebody hangs. */
const poolTimeout = 'timeout exceeded when trying to connect'

const readOnly = '25006'

/** The database takes no writes, as it would say when asked to: after a failover the one we are connected to may be the wrong one for good. */
export class TakesNoWrites extends Error {
  readonly code = readOnly
}

/** Whether an error of the driver means that the database is away, busy, gave up on a deadlock, or refuses to write for now. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (awayStates.test(code) || awayErrno.has(code)) return true
  return (
    /Connection terminated|Client has encountered a connection error/.test(error.message) ||
    error.message === poolTimeout
  )
}

/** A database that could not be reached is left alone for so long, milliseconds: else each request dials it once more. */
const redialAfter = 100

function isReadOnly(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === readOnly
}

/** How old a connection must be that is dialled anew because the database takes no writes, milliseconds: it may take none for long. */
const redialReadOnlyAfter = 1_000

/** The empty query is answered when what failed is over, and with whether a transaction stands open. */
async function rollback(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query('')
    if (client.getTransactionStatus() !== 'I') await client.query('rollback')
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function streamOf(client: pg.PoolClient): Socket {
  const { connection } = client as pg.PoolClient & { readonly connection: { readonly stream: Socket } }
  return connection.stream
}

/** Its multiples, without their whole parts, keep apart from each other, however many there are. */
const goldenRatio = 0.618_033_988_749_895

/** How long a connection may be unused, milliseconds. */
export interface Unused {
  readonly atLeast: number
  readonly atMost: number
}

/**
 * Closes connections that are not used any more one by one: those that a busy moment opened would go at the same instant, each of them
 * takes 2 ms of the database's processor, and messages wait meanwhile.
 */
export function closeApart({ options }: pg.Pool, { atLeast, atMost }: Unused): void {
  let turn = 0
  const next = () => atLeast + ((turn++ * goldenRatio) % 1) * (atMost - atLeast)
  Object.defineProperty(options, 'idleTimeoutMillis', { get: next })
}

/** The connections of a pool, lent for one piece of work each. */
export class Connections {
  readonly #pool: pg.Pool
  readonly #lentFirst = new WeakMap<pg.PoolClient, number>()
  readonly #usedAt = new WeakMap<pg.PoolClient, number>()
  /** When one was last given up: those that were not used since may be as dead. */
  #lateAt = 0
  #refusal: { readonly error: unknown; readonly at: number } | undefined

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /**
   * Lends a connection. What was begun on it and failed is rolled back; one that was lost is thrown away, and so is one that was kept too
   * long or takes no writes any more: a database that hangs keeps no timeout of its own, nor does a host that is gone end what led to it. Then every other one that has
   * not been used since is thrown away too, instead of keeping the next caller as long.
   * @param limit from asking for a connection to the end of the work, milliseconds
   * @throws the error of the work, or that of a database that cannot be reached
   */
  async lend<Result>(limit: number, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const begun = performance.now()
    const client = await this.#connectTrusted()
    if (!this.#lentFirst.has(client)) this.#lentFirst.set(client, begun)
    let broken: Error | undefined
    const onLost = (error: Error) => {
      broken = error
    }
    client.on('error', onLost)
    const late = setTimeout(() => this.#giveUp(client), limit - (performance.now() - begun))
    try {
      return await work(client)
    } catch (error) {
      broken ??= isReadOnly(error) && this.#isOld(client) ? error : await rollback(client)
      throw error
    } finally {
      clearTimeout(late)
      client.off('error', onLost)
      this.#usedAt.set(client, performance.now())
      client.release(broken)
    }
  }

  #isOld(client: pg.PoolClient): boolean {
    return performance.now() - (this.#lentFirst.get(client) ?? 0) > redialReadOnlyAfter
  }

  #giveUp(client: pg.PoolClient): void {
    this.#lateAt = performance.now()
    streamOf(client).destroy()
  }

  /** Throws away those that may be dead, until there is one that has answered since or is new. */
  async #connectTrusted(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.#connect()
      if ((this.#usedAt.get(client) ?? Number.POSITIVE_INFINITY) >= this.#lateAt) return client
      client.release(true)
      streamOf(client).destroy()
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    const refusal = this.#pool.idleCount === 0 ? this.#refusal : undefined
    if (refusal && performance.now() - refusal.at < redialAfter) throw refusal.error
    try {
      return await this.#pool.connect()
    } catch (error) {
      const dialled = !(error instanceof Error && error.message === poolTimeout)
      if (dialled) this.#refusal = { error, at: performance.now() }
      throw error
    }
  }
}
