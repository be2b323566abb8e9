import pg from 'pg'
import type { Query } from './judge.ts'

/** A connection that sees every row. */
export interface Owner {
  /** Runs SQL; numbers come as numbers. */
  readonly query: Query
  end(): Promise<void>
}

/**
 * Connects to a database as its owner.
 * @param options server settings of the session, such as `-c statement_timeout=1000`
 */
export async function connectAsOwner(connection: pg.ClientConfig, options = ''): Promise<Owner> {
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.INT8, Number)
  const client = new pg.Client({ ...connection, types, options })
  client.on('error', () => undefined)
  await client.connect()
  return {
    query: async (text, values) => (await client.query(text, [...values])).rows,
    end: () => client.end(),
  }
}
