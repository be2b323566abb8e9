import type pg from 'pg'
import type { Statement } from './statement.ts'
import { textOf } from './values.ts'

/** What a statement came to. */
export interface Answer {
  readonly rows: object[]
  /** What was done, as PostgreSQL puts it: `COMMIT`, or `ROLLBACK` in its place. */
  command: string
}

/** Answers how to read the text of values of a type. */
export type Readers = (typeId: number) => (text: string) => unknown

/** A statement on its way, and who waits for it. */
interface Asked {
  readonly statement: Statement
  readonly values: (string | null)[]
  readonly answer: Answer
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/** A column of an answer, and how its values are read. */
interface Column {
  readonly name: string
  readonly read: (text: string) => unknown
}

/** Columns by the name of their statement. */
type Described = Map<string, readonly Column[]>

const describedTo = new WeakMap<pg.ClientBase, Described>()

/** The columns of a connection's named statements: only their first answer describes them, as PostgreSQL refuses a plan whose columns changed. */
function knownTo(client: pg.ClientBase): Described {
  const known = describedTo.get(client) ?? new Map<string, readonly Column[]>()
  describedTo.set(client, known)
  return known
}

/** What node-postgres keeps of the statements of a connection, and its types leave out. */
interface Parsed {
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
}

function parsedOn(connection: pg.Connection): Parsed {
  return connection as pg.Connection & Parsed
}

function parse(connection: pg.Connection, { name, text }: Statement): void {
  const { parsedStatements, submittedNamedStatements } = parsedOn(connection)
  if (name !== '' && (name in parsedStatements || name in submittedNamedStatements)) return
  connection.parse({ name, text, types: [] }, true)
  if (name !== '') submittedNamedStatements[name] = text
}

/**
 * Statements that go together and are answered together: the database works through them and wakes us once. After a failure it leaves out
 * the rest, which fails with the same error.
 * @see https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
class Batch implements pg.Submittable {
  readonly #all: readonly Asked[]
  readonly #readers: Readers
  readonly #described: Described
  readonly #onEnd: (failure?: Error) => void
  #answered = 0

  constructor(all: readonly Asked[], described: Described, readers: Readers, onEnd: (failure?: Error) => void) {
    this.#all = all
    this.#described = described
    this.#readers = readers
    this.#onEnd = onEnd
  }

  /** The statement that is being answered, for node-postgres to remember that the connection has parsed it. */
  get name(): string {
    return this.#current?.statement.name ?? ''
  }

  get text(): string {
    return this.#current?.statement.text ?? ''
  }

  submit(connection: pg.Connection): void {
    connection.stream.cork()
    for (const { statement, values } of this.#all) {
      parse(connection, statement)
      connection.bind({ statement: statement.name, values }, true)
      if (statement.name === '' || !this.#described.has(statement.name)) connection.describe({ type: 'P' }, true)
      connection.execute({}, true)
    }
    connection.sync()
    connection.stream.uncork()
  }

  handleRowDescription({ fields }: { readonly fields: readonly pg.FieldDef[] }): void {
    const columns = fields.map(({ name, dataTypeID }) => ({ name, read: this.#readers(dataTypeID) }))
    this.#described.set(this.name, columns)
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const row: Record<string, unknown> = {}
    let index = 0
    for (const { name, read } of this.#described.get(this.name) ?? []) {
      const text = fields[index] ?? null
      row[name] = text === null ? null : read(text)
      index += 1
    }
    this.#current?.answer.rows.push(row)
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const asked = this.#current
    if (!this.#described.has(this.name)) this.#described.set(this.name, [])
    this.#answered += 1
    if (!asked) return
    asked.answer.command = text
    asked.resolve(asked.answer)
  }

  handleError(failure: Error, connection: pg.Connection): void {
    const { submittedNamedStatements } = parsedOn(connection)
    for (const { statement, reject } of this.#all.slice(this.#answered)) {
      delete submittedNamedStatements[statement.name]
      reject(failure)
    }
    this.#onEnd(failure)
  }

  handleReadyForQuery(): void {
    this.#onEnd()
  }

  get #current(): Asked | undefined {
    return this.#all[this.#answered]
  }
}

const commit: Statement = { name: 'commit', text: 'commit' }

/** The statements of one transaction: those that come while others are under way go together next. */
export class Trips {
  readonly #client: pg.ClientBase
  readonly #readers: Readers
  readonly #isPlain: boolean
  #waiting: Asked[] = []
  #hasLeft = false
  #isUnderWay = false
  #isDue = false
  #failure: Error | undefined
  #whenOver: ((failure: Error | undefined) => void) | undefined

  /**
   * @param begin begins the transaction
   * @param isPlain whether the database would begin so by itself: a transaction of one trip does without it then
   */
  constructor(client: pg.ClientBase, readers: Readers, begin: Statement, isPlain: boolean) {
    this.#client = client
    this.#readers = readers
    this.#isPlain = isPlain
    void this.add(begin)
  }

  /** Adds a statement to the next trip. Once one has failed, so does every other. */
  add(statement: Statement, values: readonly unknown[] = []): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    promise.catch(() => {})
    if (this.#failure) reject(this.#failure)
    else {
      const answer = { rows: [], command: '' }
      this.#waiting.push({ statement, values: values.map(textOf), answer, resolve, reject })
    }
    return promise
  }

  /** Sends what waits, as soon as what went before is answered. */
  send(): void {
    this.#isDue = true
    if (this.#isUnderWay || this.#waiting.length === 0) return
    this.#hasLeft = true
    this.#isUnderWay = true
    this.#isDue = false
    const known = knownTo(this.#client)
    this.#client.query(new Batch(this.#waiting.splice(0), known, this.#readers, (failure) => this.#end(failure)))
  }

  /**
   * Sends what waits, and commits.
   * @throws the error of the statement that failed, or of the commit: nothing was done then, unless the connection was lost meanwhile
   */
  async commit(): Promise<void> {
    if (this.#isPlain && !this.#hasLeft) return this.#commitAlone()
    const committed = this.add(commit)
    this.send()
    if ((await committed).command !== 'COMMIT') throw new Error('The transaction was rolled back')
  }

  /** What goes in one trip is one transaction, and its end is the commit: neither needs a statement. */
  #commitAlone(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#whenOver = (failure) => (failure ? reject(failure) : resolve())
    this.#waiting.shift()
    this.send()
    return promise
  }

  #end(failure: Error | undefined): void {
    this.#isUnderWay = false
    this.#failure ??= failure
    if (failure) for (const { reject } of this.#waiting.splice(0)) reject(failure)
    else if (this.#isDue) this.send()
    this.#whenOver?.(failure)
  }
}
