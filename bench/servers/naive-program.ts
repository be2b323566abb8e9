import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

/**
 * The server such products usually start with: Socket.IO, a token checked at connect, membership asked, the message inserted and the
 * conversation touched in one transaction (postgres.js, its default pool of 10), then sent to everybody in it and acknowledged.
 */

type Row = Readonly<Record<string, unknown>>
type Sql = ((text: TemplateStringsArray, ...values: unknown[]) => Promise<Row[]>) & {
  unsafe(text: string): Promise<Row[]>
  begin<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>
}
interface PeerSocket {
  readonly handshake: { readonly auth: { readonly token?: string } }
  readonly data: { userId?: string }
  join(name: string): void
  on(
    event: string,
    listener: (data: { conversationId: string; text: string }, answer: (data: object) => void) => void,
  ): void
}
interface PeerServer {
  use(check: (socket: PeerSocket, next: (error?: Error) => void) => void): void
  on(event: 'connection', listener: (socket: PeerSocket) => void): void
  to(name: string): { emit(event: string, data: object): void }
}

/** The peer's packages are this folder's own and nothing of the product's. */
const require = createRequire(import.meta.url)
const { Server } = require('socket.io') as { Server: new (http: object, options: object) => PeerServer }
const postgres = require('postgres') as (url: string, options: object) => Sql

const { PORT, DATABASE_URL = '', SECRET = '', MEMBERS = '[]' } = process.env
const sql = postgres(DATABASE_URL, { max: 10, onnotice: () => undefined })

const schema = `
  create table users (id text primary key, name text not null);
  create table conversations (id text primary key, title text, last_message_at timestamptz,
    updated_at timestamptz not null default now());
  create table participants (conversation_id text not null references conversations, user_id text not null references users,
    last_read_at timestamptz, primary key (conversation_id, user_id));
  create table messages (id uuid primary key default gen_random_uuid(), conversation_id text not null references conversations,
    sender_id text not null references users, content text not null, message_type text not null default 'text',
    created_at timestamptz not null default now(), deleted_at timestamptz);
  create index on messages (conversation_id, created_at desc);`

async function fill(): Promise<void> {
  await sql.unsafe(schema)
  for (const [number, members] of (JSON.parse(MEMBERS) as number[][]).entries()) {
    await sql`insert into conversations (id) values (${`c${number}`})`
    const names = members.map((index) => `u${index}`)
    await sql`insert into users select id, 'User ' || id from unnest(${names}::text[]) id`
    await sql`insert into participants select ${`c${number}`}, id from unnest(${names}::text[]) id`
  }
  await sql.unsafe('analyze')
}

function verified(token: string): string {
  const [head, body, signature] = token.split('.')
  const right = createHmac('sha256', SECRET).update(`${head}.${body}`).digest('base64url')
  if (signature !== right) throw new Error('unauthorized')
  return (JSON.parse(Buffer.from(body ?? '', 'base64url').toString()) as { sub: string }).sub
}

async function send(io: PeerServer, userId: string, conversationId: string, text: string): Promise<object> {
  if (text.length === 0 || text.length > 10_000) return { error: 'bad message' }
  const member = await sql`select 1 from participants where conversation_id = ${conversationId} and user_id = ${userId}`
  if (member.length === 0) return { error: 'forbidden' }
  const message = await sql.begin(async (tx) => {
    const [row] = await tx`insert into messages (conversation_id, sender_id, content)
      values (${conversationId}, ${userId}, ${text}) returning *`
    await tx`update conversations set last_message_at = ${row?.created_at}, updated_at = now() where id = ${conversationId}`
    return row
  })
  const [sender] = await sql`select id, name from users where id = ${userId}`
  io.to(conversationId).emit('message:new', { ...message, sender })
  return { ok: true, message }
}

async function welcome(io: PeerServer, socket: PeerSocket): Promise<void> {
  const userId = socket.data.userId ?? ''
  socket.on('message:send', ({ conversationId, text }, answer) => {
    send(io, userId, conversationId, text).then(answer, (error: Error) => answer({ error: error.message }))
  })
  const rows = await sql`select conversation_id from participants where user_id = ${userId}`
  for (const row of rows) socket.join(String(row.conversation_id))
}

await fill()
const http = createServer((_, response) => response.end('ok'))
const io = new Server(http, { cors: { origin: '*' } })
io.use((socket, next) => {
  try {
    socket.data.userId = verified(socket.handshake.auth.token ?? '')
    next()
  } catch {
    next(new Error('unauthorized'))
  }
})
io.on('connection', (socket) => void welcome(io, socket))
http.listen(Number(PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
