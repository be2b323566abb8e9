import { type Actor, lineOf } from '../actor.ts'
import type { Services } from '../context.ts'
import { conversationColumns } from '../conversations/conversation.tables.ts'
import { LockHeld, Stale, type Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { pairKey } from '../ids.ts'
import { fits } from '../participants/participant.policy.ts'
import { participantColumns } from '../participants/participant.tables.ts'
import { LedgerWriting, type LockedRow, publish, saveLedgers, type Writing } from '../write.ts'
import { Ledger } from '../write-ledger.ts'
import type { Entrant, Seated } from '../write-seats.ts'

const lockThose = (whenBusy: string) => `select ${conversationColumns}, now()::timestamptz(3) as at from conversations c
  where c.workspace_id = $1 and c.id = any($2) order by c.id for update${whenBusy}`

const lockAll = statement('write-lock-those', lockThose(''))
const lockFree = statement('write-lock-free', lockThose(' skip locked'))
const waitAtMost = statement('write-wait-at-most', `select set_config('lock_timeout', $1, true)`)

/** How long a group waits for those who hold its conversations: the groups of other nodes, which are done soon. */
const moment = '100ms'

/** Who of them is in, and as what. In a statement of its own, which runs after the locks: a removal that committed while we waited is seen. */
const enterThose = statement(
  'write-enter-those',
  `select p.*, u.role as user_role, (select people_version from workspaces where id = $1) as people_version
   from unnest($2::text[], $3::text[]) as x(conversation_id, user_id)
   cross join lateral (
     select ${participantColumns} from participants p where p.workspace_id = $1 and p.conversation_id = x.conversation_id
       and p.user_id = x.user_id and p.removed_at is null offset 0) p
   cross join lateral (
     select role from users where workspace_id = $1 and id = x.user_id and deactivated_at is null offset 0) u`,
)

const requireHeads = statement('write-require-heads', 'select require_heads($1, $2, $3, $4) as at')

type EntrantRow = Entrant & { readonly people_version: number }

/** Who asks to write where. */
export interface Request {
  readonly actor: Actor
  readonly conversationId: string
}

/** A request that was let in: the actor with the role he has now. */
export interface Entry {
  readonly actor: Actor
  readonly writing: Writing
}

/** What became of a request: let in, refused because nobody may know, or left out because another write holds the lock. */
export type Opening = Entry | 'not_found' | 'busy'

/** What to do about conversations that another write holds for long: leave them out, or wait for them. */
export type WhenBusy = 'skip' | 'wait'

/** How locks are taken. */
type Locking = WhenBusy | 'moment'

type Work<Result> = (tx: Tx, openings: readonly Opening[]) => Promise<Result>

/** Where and as whom somebody asks to write: the same for all that he sends there. */
function seatOf({ actor, conversationId }: Request): string {
  return pairKey(conversationId, actor.userId)
}

/** The conversations of one group, and what is written into them. */
class GroupWrite {
  readonly workspaceId: string
  readonly #services: Services
  readonly #seated = new Map<string, Seated>()
  readonly #ledgers = new Map<string, Ledger>()

  constructor(services: Services, workspaceId: string) {
    this.#services = services
    this.workspaceId = workspaceId
  }

  seat(seated: Seated): void {
    this.#seated.set(seated.conversation.id, seated)
    this.#ledgers.set(seated.conversation.id, new Ledger(seated.conversation))
  }

  /**
   * @param at the time, if known already
   * @param absent what to say of a conversation that is not here
   */
  open(tx: Tx, { actor, conversationId }: Request, at: string, absent: Opening): Opening {
    const [seated, ledger] = [this.#seated.get(conversationId), this.#ledgers.get(conversationId)]
    if (!seated || !ledger) return absent
    const participant = seated.entrants.get(actor.userId)
    if (!participant) return 'not_found'
    const current = { ...actor, role: participant.user_role }
    if (!fits(seated.conversation, lineOf(current))) return 'not_found'
    const writing = new LedgerWriting(
      tx,
      { at, conversation: seated.conversation, participant },
      ledger,
      this.#services.ids,
    )
    return { actor: current, writing }
  }

  transaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> {
    return this.#services.db.transaction('write', { kind: 'system', workspaceId: this.workspaceId }, async (tx) => {
      const result = await work(tx)
      saveLedgers(tx, this.workspaceId, [...this.#ledgers.values()])
      return result
    })
  }

  /** It has committed: the rows get their time, if they have none, and everybody hears of it. */
  end(at?: string): void {
    for (const [id, { conversation, ...rest }] of this.#seated) {
      const ledger = this.#ledgers.get(id)
      if (!ledger) continue
      if (at !== undefined) ledger.date(at)
      const left = { ...conversation, seq: ledger.seq, public_seq: ledger.publicSeq }
      this.#services.seats.keep(this.workspaceId, ledger.from, { conversation: left, ...rest })
    }
    publish(this.#services, this.workspaceId, this.#ledgers.values())
  }
}

/** Locks in the order of ids, then reads who is in. Answers the time. */
async function read(tx: Tx, group: GroupWrite, requests: readonly Request[], locking: Locking): Promise<string> {
  const seats = [...new Map(requests.map((request) => [seatOf(request), request])).values()]
  const conversationIds = seats.map((seat) => seat.conversationId)
  if (locking === 'moment') tx.send(waitAtMost, [moment])
  const lock = locking === 'skip' ? lockFree : lockAll
  const [locked, entered] = await Promise.all([
    tx.query<LockedRow>(lock, [group.workspaceId, [...new Set(conversationIds)].sort()]),
    tx.query<EntrantRow>(enterThose, [group.workspaceId, conversationIds, seats.map((seat) => seat.actor.userId)]),
  ])
  const peopleVersion = entered[0]?.people_version ?? 0
  const seated = locked.map((conversation) => ({ conversation, peopleVersion, entrants: new Map<string, Entrant>() }))
  const byId = new Map(seated.map((one) => [one.conversation.id, one]))
  for (const row of entered) byId.get(row.conversation_id)?.entrants.set(row.user_id, row)
  for (const one of seated) group.seat(one)
  return locked[0]?.at ?? ''
}

async function afterReading<Result>(
  group: GroupWrite,
  requests: readonly Request[],
  locking: Locking,
  work: Work<Result>,
): Promise<Result> {
  const result = await group.transaction(async (tx) => {
    const at = await read(tx, group, requests, locking)
    const absent = locking === 'skip' ? 'busy' : 'not_found'
    return work(
      tx,
      requests.map((request) => group.open(tx, request, at, absent)),
    )
  })
  group.end()
  return result
}

/** @throws Stale when something is not as it was recalled, or another write holds a lock: nothing is done then */
async function fromMemory<Result>(
  group: GroupWrite,
  requests: readonly Request[],
  recalled: ReadonlyMap<string, Seated>,
  work: Work<Result>,
): Promise<Result> {
  const ids = [...recalled.keys()].sort()
  const seated = ids.flatMap((id) => recalled.get(id) ?? [])
  for (const one of seated) group.seat(one)
  const heads = seated.map(({ conversation }) => conversation.seq)
  const { result, time } = await group.transaction(async (tx) => {
    const values = [group.workspaceId, ids, heads, seated[0]?.peopleVersion]
    const dated = tx.send<{ at: string }>(requireHeads, values)
    const openings = requests.map((request) => group.open(tx, request, '', 'not_found'))
    return { result: await work(tx, openings), time: dated }
  })
  const [row] = await time()
  group.end(row?.at)
  return result
}

/**
 * {@link write} for many requests of one workspace in one transaction. What this process knows already it does not read again: then all
 * goes to the database in one trip, which refuses it unless everything is still so.
 * Works with the rights of the system: what the actors may is for the code to decide (adr 0010).
 * @param whenBusy what to do about conversations that another write holds
 * @param work gets an opening for each request, in their order; it may be asked twice, and only the last time counts
 */
export async function writeTogether<Result>(
  services: Services,
  requests: readonly Request[],
  whenBusy: WhenBusy,
  work: Work<Result>,
): Promise<Result> {
  const workspaceId = requests[0]?.actor.workspaceId ?? ''
  const group = () => new GroupWrite(services, workspaceId)
  if (whenBusy === 'wait') return afterReading(group(), requests, 'wait', work)
  const recalled = services.seats.recall(requests)
  if (recalled) {
    try {
      return await fromMemory(group(), requests, recalled, work)
    } catch (error) {
      if (!(error instanceof Stale)) throw error
      services.seats.doubt(workspaceId, recalled)
    }
  }
  try {
    return await afterReading(group(), requests, 'moment', work)
  } catch (error) {
    if (!(error instanceof LockHeld)) throw error
    return afterReading(group(), requests, 'skip', work)
  }
}
