import { openSocketIo } from '../wire/socket-io.ts'
import type { Connection, LoadUser } from './driver.ts'

/** The naive server. */
export async function connectNaive(user: LoadUser): Promise<Connection> {
  const socket = await openSocketIo(user.port, user.token)
  return {
    send: (conversationId, text) => socket.command('message:send', JSON.stringify({ conversationId, text })),
    onMessage: (listener) => socket.on('message:new', listener),
    close: () => socket.close(),
  }
}
