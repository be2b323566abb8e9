import { setTimeout as sleep } from 'node:timers/promises'
import type { Audience, Message } from '@parley/protocol'
import { newKey } from './builders.ts'
import type { Person } from './people.ts'

/** A message that somebody wanted to send. */
export interface Intent {
  readonly conversationId: string
  readonly senderId: string
  readonly clientKey: string
  readonly text: string
  readonly audience: Audience
}

/** A message that was acknowledged to its sender, at a position of his line. */
export interface Acknowledgement extends Intent {
  readonly messageId: string
  readonly seq: number
}

/** Somebody who writes one message after another. */
export interface Writer {
  /** Everything that was asked, in order. */
  readonly intents: readonly Intent[]
  /** Every answer, also repeated ones. */
  readonly acknowledgements: readonly Acknowledgement[]
  /** Lets the last message become known, then stops. Throws when something was refused. */
  stop(): Promise<void>
}

const retryDelay = 40
const doubledEvery = 7

function mayTryAgain(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429
}

/** Sends under one key until the outcome is known. */
async function insist(sender: Person, intent: Intent): Promise<Acknowledgement> {
  const { conversationId, clientKey, text, audience } = intent
  for (;;) {
    const [answer] = await Promise.allSettled([
      sender.callRaw('sendMessage', { conversationId, clientKey, text, audience }),
    ])
    if (answer.status === 'fulfilled' && answer.value.status === 200) {
      const { message } = JSON.parse(answer.value.text) as { message: Message }
      return { ...intent, messageId: message.id, seq: message.seq }
    }
    if (answer.status === 'fulfilled' && !mayTryAgain(answer.value.status)) {
      throw new Error(`A message was refused: ${answer.value.status} ${answer.value.text}`)
    }
    await sleep(retryDelay)
  }
}

/**
 * Writes into conversations in turn, each message when the one before is known; now and then one is sent twice at once.
 * @param audienceOf who the nth message is for
 */
export function startWriter(
  sender: Person,
  conversationIds: readonly string[],
  audienceOf: (index: number) => Audience = () => 'everyone',
): Writer {
  const intents: Intent[] = []
  const acknowledgements: Acknowledgement[] = []
  let writing = true
  const run = async () => {
    for (let index = 0; writing; index += 1) {
      const conversationId = conversationIds[index % conversationIds.length] ?? ''
      const text = `${sender.id} ${index}`
      const intent = { conversationId, senderId: sender.id, clientKey: newKey(), text, audience: audienceOf(index) }
      intents.push(intent)
      const times = index % doubledEvery === 0 ? 2 : 1
      acknowledgements.push(...(await Promise.all(Array.from({ length: times }, () => insist(sender, intent)))))
    }
  }
  const done = run()
  done.catch(() => undefined)
  return {
    intents,
    acknowledgements,
    stop: () => {
      writing = false
      return done
    },
  }
}
