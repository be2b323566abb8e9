import pg from 'pg'

const tables = ['users', 'conversations', 'participants', 'messages', 'changes']

/**
 * Tells the planner how the tables look now: until then it takes them for as small as before and reads too much.
 * @param connection how to reach the database as its owner
 */
export async function refreshStatistics(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    await client.query(`analyze ${tables.map((table) => `parley.${table}`).join(', ')}`)
  } finally {
    await client.end()
  }
}
