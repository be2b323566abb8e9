import {
  type ChangesPage,
  type ConversationSnapshot,
  type DurableEvent,
  limits,
  ParleyError,
  type Profile,
} from '@parley/protocol'
import {
  acceptSnapshot,
  advance,
  applyEvent,
  canCountUnread,
  dropConversation,
  hasDetails,
  isUnreadCounted,
  isUnreadUnsure,
  replaceSnapshot,
  withoutDetails,
} from './apply.ts'
import { backoff } from './backoff.ts'
import type { Clock, Random } from './clock.ts'
import { couldShow, decide, isJoining } from './decide.ts'
import { type Gap, Gaps } from './gaps.ts'
import type { Call } from './http.ts'
import { isSuperseded, toParleyError } from './http-errors.ts'
import { foldSnapshot, isIncomplete, readSeqOf } from './snapshot.ts'
import type { State } from './state.ts'
import type { WritableStore } from './store.ts'

const pagesInGap = 5
const tries = 3

/** What keeping conversations in order needs. */
export interface SyncParts {
  readonly store: WritableStore<State>
  readonly call: Call
  readonly clock: Clock
  readonly random: Random
  /** Events were applied, in order, each once. */
  readonly onApplied: (events: readonly DurableEvent[]) => void
  readonly onProfiles: (users: readonly Profile[]) => void
  /** An event of a conversation that is not here. */
  readonly onUnknown: (event: DurableEvent) => void
  /** A conversation that is not here may belong into a list now. */
  readonly onMoved: (conversationId: string) => void
  /** A conversation is here that was not. */
  readonly onEntered: (conversationId: string) => void
  /** What was loaded of a conversation, messages or people, is to be loaded again. */
  readonly onLeapt: (conversationId: string) => void
  /** The server is another database than before: everything must be loaded as if for the first time. */
  readonly onForeign: (epoch: string) => void
}

/** Keeps each conversation at one position of its line: whatever arrives is applied once, in order, without a hole. */
export class Sync {
  readonly #parts: SyncParts
  readonly #gaps = new Gaps()
  readonly #loading = new Map<string, Promise<void>>()
  /** Conversations to be loaded once more, when the present load has ended or after a pause. */
  readonly #loadingAgain = new Set<string>()
  #held: DurableEvent[] | null = null

  constructor(parts: SyncParts) {
    this.#parts = parts
  }

  /** The position a conversation stands at; undefined when it is not loaded. */
  have(conversationId: string): number | undefined {
    return this.#parts.store.getState().conversations[conversationId]?.seq
  }

  /** Keeps events back until {@link release}. */
  hold(): void {
    this.#held ??= []
  }

  /** Takes in the events that were kept back. */
  release(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const event of held) this.receive(event)
  }

  /** Takes in an event from the wire, whatever its order. */
  receive(event: DurableEvent): void {
    if (this.#held) return void this.#held.push(event)
    const { conversationId, seq } = event
    const have = this.have(conversationId)
    const decision = have === undefined ? 'unknown' : decide(have, event)
    if (decision === 'unknown') this.#meetUnknown(event)
    if (decision === 'apply') this.#commit(conversationId, [event], seq)
    if (decision === 'fetch') this.fetchLater(conversationId, seq)
  }

  /**
   * Applies a complete stretch of a conversation's changes.
   * @param after a position the conversation has reached already
   * @param seq the position it has then
   */
  applyStretch(conversationId: string, after: number, events: readonly DurableEvent[], seq: number): void {
    const have = this.have(conversationId)
    if (have !== undefined && have >= after) this.#commit(conversationId, events, seq)
  }

  /** {@link catchUp} in the background, again and again until it worked; the next connection asks for what nobody signed in may have. */
  fetchLater(conversationId: string, wanted: number): void {
    this.catchUp(conversationId, wanted).catch((error: unknown) => {
      if (toParleyError(error).retry === 'after') this.#retry(conversationId)
    })
  }

  /**
   * Fetches what is missing, with one request at a time for each conversation.
   * @param wanted the position to reach; more is taken when there is more
   * @throws ParleyError when the server could not be asked
   */
  async catchUp(conversationId: string, wanted: number): Promise<void> {
    const gap = this.#gaps.expect(conversationId, wanted)
    gap.fetching ??= this.#fetchMissing(conversationId, gap).finally(() => {
      gap.fetching = null
    })
    await gap.fetching
  }

  /**
   * Reads something of a conversation and brings both to one position; the conversation is loaded if it is not here. One that goes while
   * the answer is on its way may be back: the server knows.
   * @param ask asks the server; the answer says which position it was read at
   * @param use takes the answer, and the events that it lacks
   * @throws ParleyError what asking throws; `unavailable` when the conversation went each time
   */
  async read<Answer extends { readonly seq: number }>(
    conversationId: string,
    ask: () => Promise<Answer>,
    use: (answer: Answer, events: readonly DurableEvent[]) => void,
  ): Promise<void> {
    for (let left = tries; left > 0; left -= 1) {
      const isHere = this.have(conversationId) !== undefined
      const [answer] = await Promise.all([ask(), isHere ? null : this.load(conversationId)])
      if (await this.#meet(conversationId, answer.seq, (events) => use(answer, events))) return
    }
    throw new ParleyError('unavailable')
  }

  /** Loads a conversation that is not known, or knows it afresh. One request at a time for each. */
  async load(conversationId: string): Promise<void> {
    const running = this.#loading.get(conversationId)
    if (running !== undefined) return running
    const loading = this.#loadSnapshot(conversationId).finally(() => {
      if (this.#loading.get(conversationId) === loading) this.#loading.delete(conversationId)
    })
    this.#loading.set(conversationId, loading)
    return loading
  }

  /** Loads a conversation afresh in the background, again and again until it worked; not with an answer that is on its way already. */
  loadLater(conversationId: string, failures = 0): void {
    if (this.#loadingAgain.has(conversationId)) return
    const { clock, random } = this.#parts
    const running = this.#loading.get(conversationId)
    const again = (tries: number) => {
      if (this.#loadingAgain.delete(conversationId)) this.loadLater(conversationId, tries)
    }
    if (running !== undefined) {
      this.#loadingAgain.add(conversationId)
      void running.then(
        () => again(0),
        () => again(failures),
      )
      return
    }
    this.load(conversationId).catch((error: unknown) => {
      if (isSuperseded(toParleyError(error)) || toParleyError(error).retry !== 'after') return
      this.#loadingAgain.add(conversationId)
      clock.after(backoff(failures, random), () => again(failures + 1))
    })
  }

  /** Takes in a snapshot that came along with others. When it brings a conversation that is known to have moved on since, that is read again. */
  accept(theirs: ConversationSnapshot): void {
    const { id } = theirs.conversation
    const ours = this.#parts.store.getState().conversations[id]
    if (!ours && theirs.seq < this.#gaps.wanted(id)) {
      this.loadLater(id)
      return
    }
    this.#take(theirs)
    if (ours && isUnreadUnsure(this.#parts.store.getState(), ours, theirs)) this.loadLater(id)
  }

  #take(theirs: ConversationSnapshot): void {
    const { store, onEntered } = this.#parts
    const { id } = theirs.conversation
    const entered = this.have(id) === undefined
    store.update((state) => acceptSnapshot(state, theirs))
    if (entered) onEntered(id)
    const wanted = Math.max(theirs.seq, this.#gaps.wanted(id))
    if ((this.have(id) ?? wanted) < wanted) this.fetchLater(id, wanted)
    else if (!this.#gaps.get(id)?.fetching) this.#gaps.forget(id)
  }

  /** Drops a conversation. An answer that was on its way meanwhile brings it back only when it was read later. */
  drop(conversationId: string): void {
    const have = this.have(conversationId)
    this.#parts.store.update((state) => dropConversation(state, conversationId))
    if (have !== undefined) this.#gaps.expect(conversationId, have + 1)
  }

  /** Forgets what is missing and under way. */
  reset(): void {
    this.#gaps.reset()
    this.#loading.clear()
    this.#loadingAgain.clear()
    this.#held = null
  }

  /**
   * Brings a conversation and something read from it at a position to one position (delivery G7).
   * @param seq the position the thing was read at
   * @param use takes the events that the thing lacks, and the one position both stand at then; called at most once
   * @returns whether it was used; not when the conversation has gone meanwhile
   */
  async #meet(
    conversationId: string,
    seq: number,
    use: (events: readonly DurableEvent[], have: number) => void,
  ): Promise<boolean> {
    if ((this.have(conversationId) ?? seq) < seq) await this.catchUp(conversationId, seq)
    const events: DurableEvent[] = []
    let at = seq
    for (let have = this.have(conversationId); have !== undefined; have = this.have(conversationId)) {
      if (at >= have) {
        use(events, have)
        return true
      }
      const page = await this.#fetchPage(conversationId, at)
      if (!page) return false
      events.push(...page.items)
      at = Math.max(page.seq, at)
    }
    return false
  }

  #retry(conversationId: string): void {
    const gap = this.#gaps.get(conversationId)
    if (!gap) return
    const { clock, random } = this.#parts
    gap.cancelRetry()
    gap.cancelRetry = clock.after(backoff(gap.failures, random), () => {
      if ((this.have(conversationId) ?? gap.wanted) < gap.wanted) this.fetchLater(conversationId, gap.wanted)
    })
    gap.failures += 1
  }

  async #fetchMissing(conversationId: string, gap: Gap): Promise<void> {
    for (;;) {
      const have = this.have(conversationId)
      if (have === undefined) return
      if (have >= gap.wanted) break
      const wide = gap.wanted - have > this.#widest(conversationId)
      gap.isNews = false
      const on = wide ? await this.#leap(conversationId) : await this.#step(conversationId, have)
      if (!on && !gap.isNews) break
    }
    if (this.#gaps.get(conversationId) === gap) this.#gaps.forget(conversationId)
  }

  /** How wide a gap may be to be filled change by change: wider ones are cheaper to leap over. */
  #widest(conversationId: string): number {
    return hasDetails(this.#parts.store.getState(), conversationId)
      ? pagesInGap * limits.changesPage
      : limits.changesPage
  }

  /** Applies the next page of changes; answers whether it led further. */
  async #step(conversationId: string, have: number): Promise<boolean> {
    const page = await this.#fetchPage(conversationId, have)
    return page !== null && (page.more || page.seq > have)
  }

  /**
   * Goes on at the head: reads the conversation afresh, and what was loaded of it. Not by {@link load}, which may be what
   * waits for this gap. Answers whether it led further.
   */
  async #leap(conversationId: string): Promise<boolean> {
    const { store, onLeapt } = this.#parts
    const have = this.have(conversationId) ?? 0
    const theirs = await this.#readSnapshot(conversationId)
    const withDetails = hasDetails(store.getState(), conversationId)
    if (withDetails) store.update((state) => withoutDetails(state, conversationId))
    this.accept(theirs)
    if (withDetails) onLeapt(conversationId)
    return (this.have(conversationId) ?? 0) > have
  }

  /** One page of changes, applied; null when the conversation or the database is not the same any more. */
  async #fetchPage(conversationId: string, after: number): Promise<ChangesPage | null> {
    const { call, store, onForeign } = this.#parts
    try {
      const page = await this.#ask(conversationId, () => call('listChanges', { conversationId, after }))
      const epoch = store.getState().session.me?.epoch
      const foreign = epoch !== undefined && epoch !== page.epoch
      if (page.status === 'resync' || foreign) {
        onForeign(page.epoch)
        return null
      }
      this.applyStretch(conversationId, after, page.items, page.seq)
      return page
    } catch (error) {
      if (toParleyError(error).code !== 'not_found') throw error
      return null
    }
  }

  /**
   * Asks about a conversation, which is dropped when it is refused as gone. When it was heard of meanwhile it is asked for once more: one
   * may have been added since.
   */
  async #ask<Answer>(conversationId: string, question: () => Promise<Answer>): Promise<Answer> {
    const heard = this.#heard(conversationId)
    try {
      return await question()
    } catch (error) {
      if (toParleyError(error).code !== 'not_found') throw error
      if (this.#heard(conversationId) > heard) return this.#ask(conversationId, question)
      this.drop(conversationId)
      throw error
    }
  }

  /** The furthest position heard of in a conversation; 0 when there was none. */
  #heard(conversationId: string): number {
    return Math.max(this.have(conversationId) ?? 0, this.#gaps.wanted(conversationId))
  }

  async #readSnapshot(conversationId: string): Promise<ConversationSnapshot> {
    const { call, onProfiles } = this.#parts
    const ask = () => call('getConversation', { conversationId })
    const { conversation, users } = await this.#ask(conversationId, ask)
    onProfiles(users)
    return conversation
  }

  async #loadSnapshot(conversationId: string): Promise<void> {
    const { store } = this.#parts
    const readBefore = this.#ownReadSeq(conversationId)
    const theirs = await this.#readSnapshot(conversationId)
    let incomplete = false
    if (!hasDetails(store.getState(), conversationId) && (this.have(conversationId) ?? 0) <= theirs.seq) {
      this.#take(theirs)
    } else {
      await this.#meet(conversationId, theirs.seq, (events, have) => {
        const folded = events.reduce((snapshot, event) => foldSnapshot(snapshot, event, this.#ownId()), theirs)
        incomplete = isIncomplete(theirs, folded, events)
        store.update((state) => replaceSnapshot(state, { ...folded, seq: have }))
      })
    }
    const wasReadOn = this.#ownReadSeq(conversationId) > Math.max(readBefore, readSeqOf(theirs, this.#ownId()))
    const isUnsure = wasReadOn && !canCountUnread(store.getState(), conversationId)
    if (incomplete || isUnsure) await this.#loadSnapshot(conversationId)
  }

  #ownReadSeq(conversationId: string): number {
    const snapshot = this.#parts.store.getState().conversations[conversationId]
    return snapshot ? readSeqOf(snapshot, this.#ownId()) : 0
  }

  #ownId(): string {
    return this.#parts.store.getState().session.me?.user.id ?? ''
  }

  /** An event of a conversation that is not loaded: it is to be loaded when the event could move it into view. */
  #meetUnknown(event: DurableEvent): void {
    const { conversationId, seq } = event
    this.#gaps.expect(conversationId, seq)
    this.#parts.onUnknown(event)
    if (!this.#loading.has(conversationId) && couldShow(event, this.#ownId())) this.#parts.onMoved(conversationId)
  }

  #commit(conversationId: string, events: readonly DurableEvent[], seq: number): void {
    const { store, onApplied } = this.#parts
    const before = store.getState().conversations[conversationId]
    if (!before) return
    const news = events.filter((event) => event.seq > before.seq)
    if (news.some((event) => isJoining(event, this.#ownId()))) {
      this.drop(conversationId)
      this.loadLater(conversationId)
      return
    }
    const counted = isUnreadCounted(store.getState(), conversationId)
    store.update((state) => advance(news.reduce(applyEvent, state), conversationId, seq))
    if (news.length > 0) onApplied(news)
    const after = store.getState().conversations[conversationId]
    const mayBeBack = !after && this.#gaps.expect(conversationId, seq).wanted > seq
    const isUnsure = counted && after !== undefined && !isUnreadCounted(store.getState(), conversationId)
    if (mayBeBack || isUnsure || (after && isIncomplete(before, after, news))) this.loadLater(conversationId)
  }
}
