import { setTimeout as sleep } from 'node:timers/promises'
import { type CommandInput, type CommandName, commands, limits, ParleyError } from '@parley/protocol'
import { readMembership, resume } from './changes/resume.service.ts'
import type { Config } from './config.ts'
import type { Delivery } from './delivery.ts'
import { errorBody, toParleyError } from './http.ts'
import { sendMessage } from './messages/send-anywhere.service.ts'
import { parseInput } from './parse.ts'
import type { PresenceService } from './presence/presence.service.ts'
import { actorKey, type Rates, type Spending } from './rate-limit.ts'
import { type Connection, wireOf } from './realtime-connections.ts'
import { signalTyping } from './typing/typing.service.ts'

/** What commands work with. */
export interface CommandParts {
  readonly config: Pick<Config, 'rateLimits'>
  readonly rates: Rates
  readonly delivery: Delivery
  readonly presence: PresenceService
}

/** Takes a command's answer. */
export type Answer = (answer: object) => void

/** What a command spends. */
const fees: Readonly<Record<CommandName, Spending>> = {
  resume: 'call',
  'send-message': 'message',
  'start-typing': 'signal',
  'stop-typing': 'signal',
  'set-presence': 'signal',
}

/** A close code of our own (RFC 6455, 7.4.2). */
const tooManyCommands = 4008
const goodbyeWithin = 1_000
/** How long commands may take at a planned stop, and how often they are looked at, milliseconds. */
const [answeredWithin, lookInterval] = [6_000, 20]

/** Answers what sockets ask. */
export class Commands {
  readonly #parts: CommandParts
  /** Commands that are not answered yet. */
  #underWay = 0
  #stopping = false

  constructor(parts: CommandParts) {
    this.#parts = parts
  }

  /** Takes no more commands, and lets those that are under way be answered. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (let waited = 0; this.#underWay > 0 && waited < answeredWithin; waited += lookInterval)
      await sleep(lookInterval)
  }

  /** Answers one, with what it leads to or with an error of the table. */
  async run(connection: Connection, name: string, input: unknown, answer: Answer): Promise<void> {
    this.#underWay += 1
    try {
      if (this.#stopping) throw new ParleyError('unavailable', undefined, { retryAfter: 1 })
      this.#spend(connection)
      requireReading(connection, name)
      if (!Object.hasOwn(commands, name)) throw new ParleyError('invalid', 'There is no such command')
      answer({ ok: await this.#perform(connection, name as CommandName, input) })
    } catch (error) {
      const known = toParleyError(error)
      const requestId = connection.ctx.ids()
      if (known.code === 'internal') connection.ctx.log.error({ error, requestId }, 'unexpected error in a command')
      answer(errorBody(known, requestId))
    } finally {
      this.#underWay -= 1
    }
  }

  #spend(connection: Connection): void {
    if (!this.#parts.config.rateLimits) return
    connection.commandsLeft -= 1
    if (connection.commandsLeft < -limits.socketCommandsPerMinute) cutOff(connection)
    if (connection.commandsLeft < 0) throw new ParleyError('rate_limited', undefined, { retryAfter: 60 })
  }

  async #perform(connection: Connection, name: CommandName, raw: unknown): Promise<object> {
    const { ctx } = connection
    const { rates, delivery } = this.#parts
    await rates.spend(fees[name], actorKey(ctx.actor))
    switch (name) {
      case 'resume':
        return this.#resume(connection, raw)
      case 'send-message':
        return sendMessage(ctx, parse(name, raw))
      case 'start-typing':
        signalTyping(ctx, delivery, 'user-typing', parse(name, raw))
        return {}
      case 'stop-typing':
        signalTyping(ctx, delivery, 'user-stopped-typing', parse(name, raw))
        return {}
      case 'set-presence':
        return this.#setPresence(connection, raw)
    }
  }

  /** Whoever has left meanwhile is not to be here again. */
  #setPresence({ reader, socket }: Connection, raw: unknown): object {
    const { state } = parse('set-presence', raw)
    if (socket.connected) this.#parts.presence.set(reader, state)
    return {}
  }

  async #resume(connection: Connection, raw: unknown): Promise<object> {
    const { ctx, reader, socket } = connection
    const { delivery, presence } = this.#parts
    const input = parse('resume', raw)
    connection.resuming = true
    const placing = delivery.place(
      reader,
      () => resume(ctx, input),
      (conversationId) => readMembership(ctx, conversationId),
    )
    const { answer, moved } = await placing.finally(() => {
      connection.resuming = false
    })
    if (socket.connected) presence.arrive(reader)
    const { memberships, ...rest } = answer
    return {
      ...rest,
      behind: [...new Set([...rest.behind, ...moved])],
      epoch: ctx.db.epoch,
      presence: presence.companionsOf(reader),
    }
  }
}

/** An answer waits in memory until it is read, however little is: who does not read gets no further ones, and big ones one at a time. */
function requireReading({ outlet, resuming }: Connection, name: string): void {
  if (outlet.keepsUp() && !(resuming && name === 'resume')) return
  throw new ParleyError('rate_limited', 'Read what was sent before', { retryAfter: 1 })
}

function parse<Name extends CommandName>(name: Name, raw: unknown): CommandInput<Name> {
  return parseInput(commands[name].input, raw) as CommandInput<Name>
}

/** Ends a flood, and says so by the code; who does not answer that is cut without more. */
function cutOff({ socket }: Connection): void {
  const wire = wireOf(socket)
  if (!wire) return void socket.disconnect(true)
  wire.close(tooManyCommands)
  setTimeout(() => wire.terminate(), goodbyeWithin).unref()
}
