import type { Hint } from '../bus.ts'
import type { Services } from '../context.ts'
import { statement } from '../db/database.ts'

/** How often the log is looked at, milliseconds: while hints come, and while they do not. */
const intervals = { hinted: 1_000, alone: 300 } as const

const look = statement(
  'tail-look',
  `select pg_current_snapshot()::text as snapshot, coalesce(jsonb_agg(jsonb_build_object(
     'workspaceId', m.workspace_id, 'conversationId', m.conversation_id, 'from', m.before, 'seq', m.seq, 'joined', m.joined
   )), '[]') as hints
   from moved_since(coalesce($1::pg_snapshot, pg_current_snapshot())) m`,
)

interface View {
  readonly snapshot: string
  readonly hints: readonly Hint[]
}

/**
 * Follows the change log, so that nothing depends on hints (delivery G10). It remembers the last snapshot and asks what has become
 * visible since: every committed change is found once, however long its transaction was open.
 */
class Tail {
  readonly #services: Pick<Services, 'db' | 'bus' | 'log'>
  #snapshot: string | null = null
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #again = false
  #failing = false
  #closed = false

  constructor(services: Pick<Services, 'db' | 'bus' | 'log'>) {
    this.#services = services
    services.bus.onHealth(() => void this.lookSoon())
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Reads what has moved since the last time, and passes it to this node's delivery. */
  async look(): Promise<void> {
    const { db, bus } = this.#services
    const [view] = await db.read<View>({ kind: 'system', workspaceId: '' }, look, [this.#snapshot])
    if (!view || this.#closed) return
    this.#snapshot = view.snapshot
    for (const hint of view.hints) bus.hear(hint)
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
      await this.look()
      this.#failing = false
    } catch (error) {
      if (!this.#failing && !this.#closed) this.#services.log.warn({ error }, 'the log cannot be followed for now')
      this.#failing = true
    }
  }
}

/**
 * Starts following the log from now on; before anybody is served, so that what comes later is found.
 * @returns how to look at once, and how to stop
 */
export async function startTail(services: Pick<Services, 'db' | 'bus' | 'log'>): Promise<Pick<Tail, 'look' | 'close'>> {
  const tail = new Tail(services)
  await tail.look()
  tail.rest()
  return tail
}
