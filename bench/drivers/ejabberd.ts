import type { Connection, LoadUser } from './driver.ts'
import { XmlStream } from './xml-stream.ts'

const domain = 'localhost'
const opening = `<?xml version='1.0'?><stream:stream to='${domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`
const features = /<\/stream:features>/

/** Signs in (RFC 6120): SASL PLAIN, then a resource. */
async function open({ name, token, port }: LoadUser): Promise<XmlStream> {
  const stream = new XmlStream(port)
  await stream.ask(opening, features)
  const proof = Buffer.from(`\0${name}\0${token}`).toString('base64')
  const auth = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${proof}</auth>`
  const answer = await stream.ask(auth, /<(success|failure)[^>]*>/)
  if (answer.startsWith('<failure')) throw new Error(`ejabberd refuses ${name}`)
  await stream.ask(opening, features)
  const bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind>"
  await stream.ask(`<iq type='set' id='bind'>${bind}</iq>`, /<iq [\s\S]*?<\/iq>/)
  return stream
}

/**
 * One to one. The acknowledgement is the counter of stream management (XEP-0198), asked for after each message: the server has
 * processed and archived it. The server asks as well, and ends a stream that leaves it without an answer for a minute.
 */
async function connectPair(user: LoadUser): Promise<Connection> {
  const stream = await open(user)
  await stream.ask("<enable xmlns='urn:xmpp:sm:3'/>", /<enabled[^>]*>/)
  const waiting: { stanza: number; resolve: (value: unknown) => void }[] = []
  let listener: (raw: string) => void = () => {}
  let sent = 1
  let received = 0
  const acknowledge = (stanza: string): void => {
    const handled = Number(/h=['"](\d+)/.exec(stanza)?.[1])
    while (waiting[0] && waiting[0].stanza <= handled) waiting.shift()?.resolve(null)
  }
  stream.onStanza = (stanza) => {
    if (stanza.startsWith('<a ')) return acknowledge(stanza)
    if (stanza.startsWith('<r ')) return stream.write(`<a xmlns='urn:xmpp:sm:3' h='${received}'/>`)
    received += 1
    if (stanza.startsWith('<message')) listener(stanza)
  }
  stream.write('<presence/>')
  return {
    send: (partner, text) =>
      new Promise((resolve) => {
        sent += 1
        waiting.push({ stanza: sent, resolve })
        const message = `<message to='${partner}@${domain}' type='chat' id='m${sent}'><body>${text}</body></message>`
        stream.write(`${message}<r xmlns='urn:xmpp:sm:3'/>`)
      }),
    onMessage: (next) => {
      listener = next
    },
    close: () => stream.close(),
  }
}

/** A room (XEP-0045). The acknowledgement is the room's own reflection of the message: it is ordered and archived by then. */
async function connectRoom(user: LoadUser, room: string): Promise<Connection> {
  const stream = await open(user)
  const join = `<presence to='${room}/${user.name}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`
  await stream.ask(`<presence/>${join}`, /code=['"]110['"][\s\S]*?<\/presence>/)
  const waiting = new Map<string, (value: unknown) => void>()
  const own = `${room}/${user.name}`
  let listener: (raw: string) => void = () => {}
  let sent = 0
  stream.onStanza = (stanza) => {
    if (!stanza.startsWith('<message')) return
    if (!stanza.includes(`'${own}'`)) return listener(stanza)
    const id = /\bid='(m\d+)'/.exec(stanza)?.[1] ?? ''
    waiting.get(id)?.(null)
    waiting.delete(id)
  }
  return {
    send: (_, text) =>
      new Promise((resolve) => {
        const id = `m${sent++}`
        waiting.set(id, resolve)
        stream.write(`<message to='${room}' type='groupchat' id='${id}'><body>${text}</body></message>`)
      }),
    onMessage: (next) => {
      listener = next
    },
    close: () => stream.close(),
  }
}

/** ejabberd: a conversation is a partner's name, or the address of a room. */
export function connectEjabberd(user: LoadUser): Promise<Connection> {
  const [conversation = ''] = user.conversations
  return conversation.includes('@') ? connectRoom(user, conversation) : connectPair(user)
}
