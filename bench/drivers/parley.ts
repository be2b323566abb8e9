import { Agent, request } from 'node:http'
import { openSocketIo, type SocketIoClient } from '../wire/socket-io.ts'
import type { Connection, LoadUser } from './driver.ts'

type Send = Connection['send']

function inputOf(user: LoadUser, number: number, text: string, conversation?: string): string {
  return JSON.stringify({ conversationId: conversation, clientKey: `${user.name}-${Date.now()}-${number}`, text })
}

async function open(user: LoadUser): Promise<SocketIoClient> {
  const socket = await openSocketIo(user.port, user.token)
  await socket.command('resume', '{"epoch":null,"cursors":{}}')
  return socket
}

function connectionOf(socket: SocketIoClient, send: Send): Connection {
  return { send, onMessage: (listener) => socket.on('new-message', listener), close: () => socket.close() }
}

/** Parley, sends over the socket. */
export async function connectParley(user: LoadUser): Promise<Connection> {
  const socket = await open(user)
  let number = 0
  return connectionOf(socket, (conversation, text) =>
    socket.command('send-message', inputOf(user, number++, text, conversation)),
  )
}

const agent = new Agent({ keepAlive: true })

function post(user: LoadUser, path: string, body: string): Promise<void> {
  const headers = { authorization: `Bearer ${user.token}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port: user.port, path, method: 'POST', headers }, (answer) => {
      answer.resume()
      answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`))))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Parley, sends over HTTP, deliveries over the socket. */
export async function connectParleyHttp(user: LoadUser): Promise<Connection> {
  const socket = await open(user)
  let number = 0
  return connectionOf(socket, (conversation, text) => {
    const path = `/api/messaging/conversations/${conversation}/messages`
    return post(user, path, inputOf(user, number++, text))
  })
}
