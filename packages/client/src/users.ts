import { type DurableEvent, joinIds, limits, type Message, type Profile } from '@parley/protocol'
import type { UserMethods } from './api.ts'
import type { Clock } from './clock.ts'
import type { Call } from './http.ts'
import type { State } from './state.ts'
import type { WritableStore } from './store.ts'

/** What people are loaded with. */
export interface UserParts {
  readonly store: WritableStore<State>
  readonly call: Call
  readonly clock: Clock
}

const gathering = 50

/** How long the ids of one request may be in its address. */
const longestList = 6_000

/** Ids for as many requests as it takes. */
function chunks(ids: readonly string[]): string[][] {
  const all: string[][] = []
  let room = 0
  for (const id of ids) {
    const length = encodeURIComponent(joinIds([id, ''])).length
    const last = all.at(-1)
    const fits = last !== undefined && last.length < limits.participantsPerRequest && length <= room
    room = (fits ? room : longestList) - length
    if (fits) last.push(id)
    else all.push([id])
  }
  return all
}

function sameProfile(a: Profile | undefined, b: Profile): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b)
}

/** Ids of the people a message shows. */
export function peopleIn({ senderId, quote, system }: Message): string[] {
  const told = system !== null && 'userId' in system ? [system.userId] : []
  return [senderId, ...(quote ? [quote.senderId] : []), ...told]
}

/** Ids of the people an event shows. */
export function peopleOf({ type, data }: DurableEvent): string[] {
  return type === 'new-message' ? peopleIn(data.message) : []
}

/** Profiles of people. */
export class Users implements UserMethods {
  readonly #parts: UserParts
  /** Whom the server was asked for already: who is not known stays unknown until the next connection. */
  readonly #asked = new Set<string>()
  readonly #missing = new Set<string>()
  #cancel: (() => void) | null = null

  constructor(parts: UserParts) {
    this.#parts = parts
  }

  async search(q: string): Promise<Profile[]> {
    const { items } = await this.#parts.call('listUsers', { q })
    this.put(items)
    return items
  }

  async load(ids: readonly string[]): Promise<void> {
    const { users } = this.#parts.store.getState()
    const missing = [...new Set(ids)].filter((id) => !users[id])
    for (const chunk of chunks(missing)) {
      this.put((await this.#parts.call('listUsers', { ids: joinIds(chunk) })).items)
    }
  }

  /** Takes in profiles that came along with something. */
  put(profiles: readonly Profile[]): void {
    this.#parts.store.update((state) => {
      const changed = profiles.filter((profile) => !sameProfile(state.users[profile.id], profile))
      if (changed.length === 0) return state
      return { ...state, users: { ...state.users, ...Object.fromEntries(changed.map((one) => [one.id, one])) } }
    })
  }

  /** Loads soon, and once, whoever of these is not known. */
  need(ids: readonly string[]): void {
    const { users } = this.#parts.store.getState()
    for (const id of ids) if (!users[id] && !this.#asked.has(id)) this.#missing.add(id)
    if (this.#missing.size === 0) return
    this.#cancel ??= this.#parts.clock.after(gathering, () => this.#fetch())
  }

  /** Asks again for people that were not known. */
  askAgain(): void {
    this.#asked.clear()
  }

  /** Forgets whom to ask for. */
  reset(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#asked.clear()
    this.#missing.clear()
  }

  #fetch(): void {
    const ids = [...this.#missing]
    this.#cancel = null
    this.#missing.clear()
    for (const id of ids) this.#asked.add(id)
    this.load(ids).catch(() => {
      for (const id of ids) this.#asked.delete(id)
    })
  }
}
