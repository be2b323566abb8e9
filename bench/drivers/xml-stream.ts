import { connect, type Socket } from 'node:net'

interface Waiter {
  readonly fits: RegExp
  readonly resolve: (text: string) => void
}

/** Stanzas of which something is wanted; all others are skipped. */
const stanza = /<(message|presence|iq|a|r)\b/

/** An XMPP connection over TCP, cut into stanzas by text: enough for a load, far from a parser. */
export class XmlStream {
  onStanza: (stanza: string) => void = () => {}
  readonly #socket: Socket
  #text = ''
  #waiter: Waiter | undefined

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1')
    this.#socket.on('data', (chunk) => this.#take(String(chunk)))
    this.#socket.on('error', () => undefined)
  }

  write(text: string): void {
    this.#socket.write(text)
  }

  /** Writes, and waits for what the server says to it; everything up to there is dropped. */
  ask(text: string, fits: RegExp): Promise<string> {
    return new Promise((resolve) => {
      this.#waiter = { fits, resolve }
      this.write(text)
      this.#take('')
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: string): void {
    this.#text += chunk
    if (this.#waiter) this.#serve(this.#waiter)
    else this.#cut()
  }

  #serve({ fits, resolve }: Waiter): void {
    const found = fits.exec(this.#text)
    if (!found) return
    this.#waiter = undefined
    this.#text = this.#text.slice(found.index + found[0].length)
    resolve(found[0])
  }

  #cut(): void {
    let at = 0
    for (;;) {
      const open = this.#text.indexOf('<', at)
      const close = open < 0 ? -1 : this.#text.indexOf('>', open)
      if (close < 0) break
      const name = stanza.exec(this.#text.slice(open, open + 10))?.[1]
      const isWhole = name === undefined || this.#text[close - 1] === '/'
      const ending = `</${name}>`
      const end = isWhole ? close + 1 : this.#text.indexOf(ending, close) + ending.length
      if (!isWhole && end < ending.length) break
      if (name !== undefined) this.onStanza(this.#text.slice(open, end))
      at = end
    }
    this.#text = this.#text.slice(at)
  }
}
