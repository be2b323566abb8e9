import type { Hint, MarkSignal } from '../bus.ts'
import { type Clock, steadyClock } from '../clock.ts'
import type { Services } from '../context.ts'
import { statement } from '../db/statement.ts'

/** How often the log is looked at, milliseconds: while hints come, and while they do not. */
const intervals = { hinted: 1_000, alone: 300 } as const
/** Of so many looks one is also at marks while hints come: then most marks have come the same way. */
const looksPerMarks = 3
/** How long marks that have moved are kept for the nodes, milliseconds at least. */
const marksKept = 60_000

const look = statement(
  'tail-look',
  `select pg_current_snapshot()::text as snapshot, coalesce(jsonb_agg(jsonb_build_object(
     'workspaceId', m.workspace_id, 'conversationId', m.conversation_id, 'from', m.before, 'seq', m.seq, 'joined', m.joined
   )), '[]') as hints
   from moved_since(coalesce($1::pg_snapshot, pg_current_snapshot())) m`,
)

const lookAtMarks = statement(
  'tail-look-at-marks',
  `select pg_current_snapshot()::text as snapshot, coalesce(jsonb_agg(jsonb_build_object(
     'workspaceId', m.workspace_id, 'conversationId', m.conversation_id, 'userId', m.user_id, 'type', m.type,
     'seq', m.seq, 'publicSeq', m.public_seq, 'position', m.head
   )), '[]') as moves
   from marks_moved_since(coalesce($1::pg_snapshot, pg_current_snapshot())) m`,
)

const forgetMarks = statement('tail-forget-marks', 'select forget_mark_moves($1::pg_snapshot)')

const everyWorkspace = { kind: 'system', workspaceId: '' } as const

interface View {
  readonly snapshot: string
  readonly hints: readonly Hint[]
}

type Move = Omit<MarkSignal, 'team' | 'public'> & { readonly seq: number | null; readonly publicSeq: number | null }

interface MarksView {
  readonly snapshot: string
  readonly moves: readonly Move[]
}

function toSignal({ seq, publicSeq, ...about }: Move): MarkSignal {
  const { conversationId, userId } = about
  const payloadOf = (reached: number | null) => (reached === null ? null : { conversationId, userId, seq: reached })
  return { ...about, team: payloadOf(seq), public: payloadOf(publicSeq) }
}

/**
 * Follows the change log, so that nothing depends on hints (delivery G10). It remembers the last snapshot and asks what has become
 * visible since: every committed change is found once, however long its transaction was open.
 */
class Tail {
  readonly #services: Pick<Services, 'db' | 'bus' | 'log'>
  readonly #clock: Clock
  #snapshot: string | null = null
  #marksSnapshot: string | null = null
  #looksUntilMarks = 0
  /** A snapshot of a while ago: what had moved before it is forgotten when it is old enough. */
  #kept: { readonly snapshot: string; readonly since: number } | null = null
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #again = false
  #failing = false
  #closed = false

  constructor(services: Pick<Services, 'db' | 'bus' | 'log'>, clock: Clock) {
    this.#services = services
    this.#clock = clock
    services.bus.onHealth(() => {
      this.#looksUntilMarks = 0
      void this.lookSoon()
    })
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /**
   * Reads what has moved since the last time, and passes it to this node's delivery.
   * @param withMarks also which marks have moved
   */
  async look(withMarks = true): Promise<void> {
    const [changes, marks] = await this.#services.db.transaction('read', everyWorkspace, async (tx) => {
      const changes = tx.send<View>(look, [this.#snapshot])
      return [changes, withMarks ? tx.send<MarksView>(lookAtMarks, [this.#marksSnapshot]) : null] as const
    })
    if (this.#closed) return
    for (const view of await changes()) this.#pass(view)
    for (const view of (await marks?.()) ?? []) await this.#passMarks(view)
  }

  #pass({ snapshot, hints }: View): void {
    this.#snapshot = snapshot
    for (const hint of hints) this.#services.bus.hear(hint)
  }

  /** Passes on which marks have moved, and forgets what all nodes have had the time to find. */
  async #passMarks({ snapshot, moves }: MarksView): Promise<void> {
    const { db, bus } = this.#services
    this.#marksSnapshot = snapshot
    this.#looksUntilMarks = looksPerMarks
    for (const move of moves) bus.hearSignal(toSignal(move))
    const [old, now] = [this.#kept, this.#clock()]
    if (old && now - old.since < marksKept) return
    this.#kept = { snapshot, since: now }
    if (old) await db.transaction('write', everyWorkspace, async (tx) => void tx.send(forgetMarks, [old.snapshot]))
  }

  /** Looks now, or once more when a look is under way, and goes on looking. */
  async lookSoon(): Promise<void> {
    this.#again = true
    if (this.#looking) return
    this.#looking = true
    clearTimeout(this.#timer)
    while (this.#again) {
      this.#again = false
      await this.#tryLook()
    }
    this.#looking = false
    this.rest()
  }

  rest(): void {
    if (this.#closed) return
    const calm = this.#services.bus.healthy && !this.#failing
    this.#timer = setTimeout(() => void this.lookSoon(), calm ? intervals.hinted : intervals.alone)
  }

  async #tryLook(): Promise<void> {
    try {
      this.#looksUntilMarks -= 1
      await this.look(this.#looksUntilMarks <= 0 || !this.#services.bus.healthy)
      this.#failing = false
    } catch (error) {
      if (!this.#failing && !this.#closed) this.#services.log.warn({ error }, 'the log cannot be followed for now')
      this.#failing = true
    }
  }
}

/**
 * Starts following the log from now on; before anybody is served, so that what comes later is found.
 * @param clock tells how long marks have been kept
 * @returns how to look at once, and how to stop
 */
export async function startTail(
  services: Pick<Services, 'db' | 'bus' | 'log'>,
  clock: Clock = steadyClock,
): Promise<Pick<Tail, 'look' | 'close'>> {
  const tail = new Tail(services, clock)
  try {
    await tail.look()
  } catch (error) {
    tail.close()
    throw error
  }
  tail.rest()
  return tail
}
