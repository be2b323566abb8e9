import { type CommandOutput, type DurableEvent, limits } from '@parley/protocol'
import { snapshotsAtMost } from './arrivals.ts'
import { forEachOf } from './concurrent.ts'
import type { Command } from './socket.ts'
import type { Presence, State } from './state.ts'
import type { WritableStore } from './store.ts'
import type { Sync } from './sync.ts'

type Resumption = CommandOutput<'resume'>
type Heads = Resumption['heads']

/** What comparing positions with the server needs. */
export interface ResumeParts {
  readonly store: WritableStore<State>
  readonly sync: Sync
  /** Loads the first page of every loaded list again; gives the ids of what came. */
  readonly reloadLists: () => Promise<ReadonlySet<string>>
  /** The server is another database than before: everything must be loaded as if for the first time. */
  readonly startOver: (epoch: string) => Promise<void>
}

/** A comparison that has not begun. */
interface Comparison {
  readonly command: Command
  readonly run: Promise<void>
  marksMissed: boolean
}

const atOnce = 4

/** Positions of loaded conversations, the most recently active ones first, as many as may be sent. */
function cursorsOf({ conversations }: Pick<State, 'conversations'>): Record<string, number> {
  const recent = Object.values(conversations).sort((a, b) => (a.activityAt < b.activityAt ? 1 : -1))
  return Object.fromEntries(
    recent.slice(0, limits.resumeConversations).map(({ conversation, seq }) => [conversation.id, seq]),
  )
}

/** Everybody's presence after the server said who is here: those it left out are not. */
function presenceAfter(before: State['presence'], here: Resumption['presence']): State['presence'] {
  const gone = Object.entries(before).map(([userId, { lastSeenAt }]): [string, Presence] => {
    return [userId, { state: 'offline', lastSeenAt }]
  })
  const present = here.map(({ userId, state, lastSeenAt }): [string, Presence] => [userId, { state, lastSeenAt }])
  return Object.fromEntries([...gone, ...present])
}

/** Compares positions with the server and makes up for what was missed (architecture S2). */
export class Resume {
  readonly #parts: ResumeParts
  /** The heads of all conversations as last heard, loaded or not; null before the first time. */
  #heads: Heads | null = null
  #last: Promise<void> = Promise.resolve()
  #next: Comparison | null = null

  constructor(parts: ResumeParts) {
    this.#parts = parts
  }

  /** Forgets what it heard. */
  reset(): void {
    this.#heads = null
  }

  /**
   * Sends positions and takes in the answer, one comparison after the other; what is asked for before a comparison has begun is answered
   * by it.
   * @param marksMissed whether marks may have moved unheard, as on a new connection: no change tells of them, so lists are loaded again
   * @throws ParleyError when the server did not answer
   */
  run(command: Command, marksMissed: boolean): Promise<void> {
    if (this.#next?.command === command) {
      this.#next.marksMissed ||= marksMissed
      return this.#next.run
    }
    const run: Promise<void> = this.#last.then(() => {
      if (this.#next === next) this.#next = null
      return this.#compare(command, next.marksMissed)
    })
    const next: Comparison = { command, run, marksMissed }
    this.#next = next
    this.#last = run.catch(() => {})
    return run
  }

  async #compare(command: Command, marksMissed: boolean): Promise<void> {
    const { store, sync, startOver } = this.#parts
    const { session, conversations } = store.getState()
    const sent = cursorsOf({ conversations })
    sync.hold()
    try {
      const answer = await command('resume', { epoch: session.me?.epoch ?? null, cursors: sent })
      store.update((state) => ({ ...state, presence: presenceAfter(state.presence, answer.presence) }))
      const isOther = answer.status === 'resync' || isAhead(conversations, answer.heads)
      if (isOther) await startOver(answer.epoch)
      else await this.#settle(answer, sent, Object.keys(conversations))
      const before = isOther ? null : this.#heads
      this.#heads = answer.heads
      if (before) this.#meetMoved(answer.heads, before)
      if (!isOther && marksMissed) void this.#refreshMarks()
    } finally {
      sync.release()
    }
  }

  /** @param known the conversations that were loaded when the positions were sent */
  async #settle(answer: Resumption, sent: Readonly<Record<string, number>>, known: readonly string[]): Promise<void> {
    const { sync } = this.#parts
    for (const id of known) {
      if (!Object.hasOwn(answer.heads, id)) sync.drop(id)
    }
    this.#applyEvents(answer, sent)
    await this.#catchUp(answer, known)
  }

  #applyEvents({ events, behind, heads }: Resumption, sent: Readonly<Record<string, number>>): void {
    const late = new Set(behind)
    const byConversation = Map.groupBy(events, ({ conversationId }) => conversationId)
    for (const [id, cursor] of Object.entries(sent)) {
      const missed: DurableEvent[] = byConversation.get(id) ?? []
      const reached = late.has(id) ? (missed.at(-1)?.seq ?? cursor) : (heads[id] ?? cursor)
      this.#parts.sync.applyStretch(id, cursor, missed, reached)
    }
  }

  /** Fetches what did not fit into the answer: first, and waited for, where messages are on display. */
  async #catchUp({ behind, heads }: Resumption, known: readonly string[]): Promise<void> {
    const { store, sync } = this.#parts
    const marked = new Set(behind)
    const late = known.filter((id) => marked.has(id) || (sync.have(id) ?? Infinity) < (heads[id] ?? 0))
    const wanted = (id: string) => Math.max(heads[id] ?? 0, (sync.have(id) ?? 0) + (marked.has(id) ? 1 : 0))
    const fetch = (id: string) => sync.catchUp(id, wanted(id)).catch(() => sync.fetchLater(id, wanted(id)))
    const [shown, rest] = [new Set<string>(), new Set<string>()]
    for (const id of late) (store.getState().timelines[id] ? shown : rest).add(id)
    await forEachOf(shown, atOnce, fetch)
    void forEachOf(rest, atOnce, fetch)
  }

  /** Brings into view what is not loaded and has come or moved since heads were heard last; what fails is met again at the next comparison. */
  #meetMoved(heads: Heads, before: Heads): void {
    const { store, sync, reloadLists } = this.#parts
    const { conversations } = store.getState()
    const moved = Object.entries(heads).filter(([id, head]) => !conversations[id] && head > (before[id] ?? 0))
    const meetAgain = () => {
      if (this.#heads !== null) this.#heads = before
    }
    if (moved.length > snapshotsAtMost) reloadLists().catch(meetAgain)
    else void forEachOf(moved, atOnce, ([id]) => sync.load(id).catch(() => sync.loadLater(id)))
  }

  /** Loads again what shows marks: the beginning of each list, and whatever else has messages loaded or something unread. */
  async #refreshMarks(): Promise<void> {
    const { store, sync, reloadLists } = this.#parts
    const fresh = await reloadLists().catch(() => new Set<string>())
    const { conversations, timelines } = store.getState()
    const rest = Object.entries(conversations).filter(([id, { unread }]) => {
      return !fresh.has(id) && (unread > 0 || timelines[id] !== undefined)
    })
    await forEachOf(rest, atOnce, ([id]) => sync.load(id).catch(() => sync.loadLater(id)))
  }
}

function isAhead(conversations: State['conversations'], heads: Readonly<Record<string, number>>): boolean {
  return Object.values(conversations).some(({ conversation, seq }) => seq > (heads[conversation.id] ?? seq))
}
