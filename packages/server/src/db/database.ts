import { ParleyError } from '@parley/protocol'
import pg from 'pg'
import type { Logger } from 'pino'
import { Connections, closeApart, isAway, TakesNoWrites } from './connections.ts'
import { type Statement, statement } from './statement.ts'
import { type Answer, Trips } from './trip.ts'
import { isoTime } from './values.ts'

/** A running transaction. */
export interface Tx {
  /** Runs a statement and answers its rows. Errors of a database that is away become `unavailable`. */
  query<Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>
  /**
   * Sends a statement that nobody waits for: the commit follows it in the same trip, and fails with it.
   * @returns its rows, to be asked for after the commit
   */
  send<Row extends object>(statement: Statement, values: readonly unknown[]): () => Promise<Row[]>
}

/** A row with such a key stands already. */
export class KeyTaken extends Error {}

/** What a write went from is not so any more. */
export class Stale extends Error {}

/** Another transaction held a lock for longer than this one would wait. */
export class LockHeld extends ParleyError {
  constructor(cause: unknown) {
    super('unavailable', undefined, { retryAfter: 1 })
    this.cause = cause
  }
}

/**
 * What row-level security lets a transaction see.
 * `system` sees a whole workspace; a user sees the conversations he is in, in his line.
 */
export type Scope =
  | { readonly kind: 'system'; readonly workspaceId: string }
  | { readonly kind: 'user'; readonly workspaceId: string; readonly userId: string; readonly line: 'team' | 'public' }

/** How a transaction runs: `read` is one repeatable snapshot, `write` is READ COMMITTED, `bulk` a write of so many rows that it must be planned. */
export type Mode = 'read' | 'write' | 'bulk'

/** The database as the application's role, which owns nothing. */
export interface Database {
  transaction<Result>(mode: Mode, scope: Scope, work: (tx: Tx) => Promise<Result>): Promise<Result>
  /** Rows of one statement, in one trip. */
  read<Row extends object>(scope: Scope, statement: Statement, values?: readonly unknown[]): Promise<Row[]>
  /** Whether the database answers and takes writes, asked with a statement of its own. */
  ping(): Promise<boolean>
  /** The random name of this database's history; another one after a restore. */
  readonly epoch: string
  close(): Promise<void>
}

/** The role the application works as. */
export const applicationRole = 'parley_app'

const int8 = 20
const timestamptz = 1184

/** How values of a type are read. */
function readerOf(typeId: number): (text: string) => unknown {
  if (typeId === int8) return Number
  return typeId === timestamptz ? isoTime : pg.types.getTypeParser(typeId)
}

const sessionSettings = [
  `role=${applicationRole}`,
  'statement_timeout=10000',
  'lock_timeout=5000',
  // A process that hangs lets go of what it has locked.
  'idle_in_transaction_session_timeout=5000',
  'synchronous_commit=on',
  'TimeZone=UTC',
  'search_path=parley',
  // Writes look rows up by their keys, always: their plans are made once, and never scan.
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'plan_cache_mode=force_generic_plan',
]

/** How all else is planned. */
const planned: Readonly<Record<string, string>> = {
  enable_seqscan: 'on',
  enable_hashjoin: 'on',
  enable_mergejoin: 'on',
  plan_cache_mode: 'auto',
}

/** What differs from the settings of the session: in bulk there is much to do between two statements. */
const settingsOf: Readonly<Record<Mode, Readonly<Record<string, string>>>> = {
  read: planned,
  write: {},
  bulk: { ...planned, idle_in_transaction_session_timeout: '60s' },
}

/** How a transaction of a mode opens. */
interface Opening {
  readonly begin: Statement
  /** Whether the database begins so by itself. */
  readonly isPlain: boolean
  readonly scope: Statement
}

function opening(mode: Mode): Opening {
  const isPlain = mode !== 'read'
  const start = isPlain ? 'begin' : 'begin isolation level repeatable read, read only'
  const settings = Object.entries(settingsOf[mode]).map(([name, value]) => `'${name}', '${value}'`)
  const scoped = ['workspace', 'scope', 'user', 'line'].map((name, index) => `'parley.${name}', $${index + 1}`)
  const calls = [...settings, ...scoped].map((setting) => `set_config(${setting}, true)`)
  const scope = statement(`scope-${mode}`, `select ${calls.join(', ')}`)
  return { begin: statement(`begin-${mode}`, start), isPlain, scope }
}

const openings = { read: opening('read'), write: opening('write'), bulk: opening('bulk') }

function valuesOf(scope: Scope): readonly string[] {
  const [user, line] = scope.kind === 'user' ? [scope.userId, scope.line] : ['', 'team']
  return [scope.workspaceId, scope.kind, user, line]
}

/** A value that the database cannot read, such as a forged position in a cursor: the caller's fault, not ours. */
const dataException = /^22/

const uniqueViolation = '23505'

/** What `require_heads` raises. */
const stale = 'PA001'

const lockNotAvailable = '55P03'

function translate(error: unknown): unknown {
  if (error instanceof pg.DatabaseError && error.code === uniqueViolation) return new KeyTaken(error.constraint)
  if (error instanceof pg.DatabaseError && error.code === stale) return new Stale(error.message)
  if (error instanceof pg.DatabaseError && error.code === lockNotAvailable) return new LockHeld(error)
  if (error instanceof pg.DatabaseError && dataException.test(error.code ?? '')) return new ParleyError('invalid')
  if (!isAway(error)) return error
  return Object.assign(new ParleyError('unavailable', undefined, { retryAfter: 1 }), { cause: error })
}

/**
 * Connections that stay for good, and how long any other may be unused before it is closed, milliseconds: the next message that meets others
 * dials anew, and quiet traffic should not see that.
 */
const kept = 4
const unused = { atLeast: 60_000, atMost: 300_000 }

/** How long nothing passes on a connection until the system asks whether it still stands, milliseconds: else a firewall forgets it. */
const keptAlive = 60_000

/** How many sessions a process of a server takes at most. */
export const sessionsOfProcess = 20

/** From asking for a connection to the end of the work, milliseconds. */
const limits = { ping: 3_000, read: 9_000, write: 9_000, bulk: 600_000 }

/** @throws TakesNoWrites */
async function requireWritable(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ writable: boolean }>(
    `select current_setting('transaction_read_only') = 'off' as writable`,
  )
  if (!rows[0]?.writable) throw new TakesNoWrites()
}

async function rowsOf<Row extends object>(answer: Promise<Answer>): Promise<Row[]> {
  return (await answer).rows as Row[]
}

/** Statements go out together as far as nobody waits for one of them: what opens it with the first, the commit with the last. */
async function runTransaction<Result>(
  client: pg.PoolClient,
  mode: Mode,
  scope: Scope,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const { begin, isPlain, scope: settings } = openings[mode]
  const trips = new Trips(client, readerOf, begin, isPlain)
  const tx: Tx = {
    query: async (asked, values) => {
      const answer = trips.add(asked, values)
      queueMicrotask(() => trips.send())
      return rowsOf(answer)
    },
    send: (asked, values) => {
      const answer = trips.add(asked, values)
      return () => rowsOf(answer)
    },
  }
  void trips.add(settings, valuesOf(scope))
  const result = await work(tx)
  await trips.commit()
  return result
}

/**
 * Opens the database for the application. Migrations must have run.
 * @param connection how to reach it, as its owner: the role is changed at the start of each session
 * @param log takes errors of idle connections
 * @param poolSize how many connections at most
 */
export async function openDatabase(
  connection: pg.PoolConfig,
  log: Logger,
  poolSize = sessionsOfProcess,
): Promise<Database> {
  const settings: pg.PoolConfig = {
    ...connection,
    max: poolSize,
    connectionTimeoutMillis: 5_000,
    min: kept,
    keepAlive: true,
    keepAliveInitialDelayMillis: keptAlive,
    options: sessionSettings.map((setting) => `-c ${setting}`).join(' '),
  }
  const pool = new pg.Pool(settings)
  closeApart(pool, unused)
  const connections = new Connections(pool)
  let closing = false
  pool.on('error', (error) => {
    if (!closing) log.warn({ error: error.message }, 'database connection lost')
  })
  const { rows } = await pool.query<{ epoch: string }>('select epoch from installation')
  const transaction: Database['transaction'] = async (mode, scope, work) => {
    try {
      return await connections.lend(limits[mode], (client) => runTransaction(client, mode, scope, work))
    } catch (error) {
      throw translate(error)
    }
  }
  return {
    epoch: rows[0]?.epoch ?? '',
    transaction,
    read: async <Row extends object>(scope: Scope, asked: Statement, values: readonly unknown[] = []) => {
      const found = await transaction('read', scope, async (tx) => tx.send<Row>(asked, values))
      return found()
    },
    ping: () =>
      connections.lend(limits.ping, requireWritable).then(
        () => true,
        () => false,
      ),
    close: () => {
      closing = true
      return pool.end()
    },
  }
}
