import { openWebSocket, type WebSocketClient } from './websocket.ts'

interface Waiting {
  readonly resolve: (answer: string) => void
  readonly reject: (error: Error) => void
}

/** A Socket.IO connection: packets of Engine.IO 4 and Socket.IO 4 written and read by hand, JSON left as text. */
export class SocketIoClient {
  readonly #socket: WebSocketClient
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners = new Map<string, (raw: string) => void>()
  #next = 0

  constructor(socket: WebSocketClient) {
    this.#socket = socket
    socket.onText = (text) => this.#take(text)
  }

  /**
   * Sends an event and waits for its acknowledgement.
   * @param input JSON
   * @returns the acknowledgement as it came
   * @throws Error when it holds an error
   */
  command(name: string, input: string): Promise<string> {
    const number = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject })
      this.#socket.send(`42${number}["${name}",${input}]`)
    })
  }

  on(event: string, listener: (raw: string) => void): void {
    this.#listeners.set(`42["${event}"`, listener)
  }

  close(): void {
    this.#socket.close()
  }

  #take(text: string): void {
    if (text === '2') this.#socket.send('3')
    else if (text.startsWith('43')) this.#answer(text)
    else this.#listeners.get(text.slice(0, text.indexOf(',')))?.(text)
  }

  #answer(text: string): void {
    const number = Number(text.slice(2, text.indexOf('[')))
    const waiting = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (text.includes('{"error"')) waiting?.reject(new Error(text))
    else waiting?.resolve(text)
  }
}

/**
 * Connects and says who it is.
 * @throws Error when the server refuses
 */
export async function openSocketIo(port: number, token: string): Promise<SocketIoClient> {
  const socket = await openWebSocket(port, '/socket.io/?EIO=4&transport=websocket')
  await new Promise<void>((resolve, reject) => {
    socket.onText = (text) => {
      if (text.startsWith('0')) socket.send(`40${JSON.stringify({ token })}`)
      else if (text.startsWith('40')) resolve()
      else reject(new Error(text))
    }
  })
  return new SocketIoClient(socket)
}
