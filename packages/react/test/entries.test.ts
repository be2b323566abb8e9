import type { Row } from '@parley/client'
import type { Message } from '@parley/protocol'
import { describe, expect, it } from 'vitest'
import { type Entry, layOut } from '../src/messages/entries.ts'

const me = 'me'
const other = 'other'

interface Facts {
  readonly from?: string
  readonly at?: Date
  readonly audience?: Message['audience']
  readonly kind?: Message['kind']
  readonly status?: Row['status']
  readonly quoted?: boolean
}

function minute(count: number): Date {
  return new Date(2026, 4, 14, 10, count)
}

function row(seq: number, { from = other, at = minute(0), ...facts }: Facts = {}): Row {
  const message = {
    id: `m${seq}`,
    seq,
    senderId: from,
    audience: facts.audience ?? 'everyone',
    kind: facts.kind ?? 'text',
    createdAt: at.toISOString(),
    quote: facts.quoted ? { messageId: 'm1', seq: 1, senderId: other, text: 'x', deleted: false } : null,
  }
  return { key: `m${seq}`, message, pending: null, status: facts.status ?? null } as unknown as Row
}

function layOutOf(all: readonly Facts[], newAfter: number | null = null): Entry[] {
  const rows = all.map((facts, index) => row(index + 1, facts))
  return layOut(rows, me, newAfter)
}

function groups(all: readonly Facts[]): boolean[] {
  return layOutOf(all).map(({ startsGroup }) => startsGroup)
}

describe('UI-10 messages of one sender are grouped', () => {
  it('UI-10 within five minutes', () => {
    expect(groups([{ at: minute(0) }, { at: minute(4) }, { at: minute(8) }])).toEqual([true, false, false])
    expect(groups([{ at: minute(0) }, { at: minute(5) }])).toEqual([true, true])
  })

  it.each<[string, Facts]>([
    ['another sender', { from: me }],
    ['another audience', { audience: 'team' }],
    ['a quote', { quoted: true }],
    ['a line of the system', { kind: 'system' }],
  ])('UI-10 %s begins a new group', (_, facts) => {
    expect(groups([{}, facts])).toEqual([true, true])
  })

  it('UI-10 what follows a line of the system begins a new group', () => {
    expect(groups([{}, { kind: 'system' }, {}])).toEqual([true, true, true])
  })

  it('UI-10 twenty at most', () => {
    const starts = groups(Array.from({ length: 41 }, () => ({})))
    expect(starts.flatMap((start, index) => (start ? [index] : []))).toEqual([0, 20, 40])
  })

  it.each([
    [7, ['m1', 'm8', 'm28', 'm48']],
    [25, ['m1', 'm21', 'm26', 'm46', 'm66']],
  ])('UI-10 %i older messages of the run move no division of it', (count, expected) => {
    const loaded = Array.from({ length: 50 }, (_, index) => row(count + index + 1))
    const older = Array.from({ length: count }, (_, index) => row(index + 1))
    const entries = layOut([...older, ...loaded], me, null, layOut(loaded, me, null))
    const starts = entries.filter(({ startsGroup }) => startsGroup)
    expect(starts.map(({ key }) => key)).toEqual(expected)
  })

  it('UI-10 a message that is changed moves no division', () => {
    const loaded = Array.from({ length: 30 }, (_, index) => row(index + 21))
    const older = Array.from({ length: 7 }, (_, index) => row(index + 14))
    const before = layOut([...older, ...loaded], me, null, layOut(loaded, me, null))
    const after = layOut([...older, row(21), row(22), ...loaded.slice(2)], me, null, before)
    expect(after.map(({ startsGroup }) => startsGroup)).toEqual(before.map(({ startsGroup }) => startsGroup))
  })

  it('UI-10 a few older messages join the group they belong to', () => {
    const loaded = [row(3), row(4)]
    const entries = layOut([row(1), row(2), ...loaded], me, null, layOut(loaded, me, null))
    expect(entries.map(({ startsGroup }) => startsGroup)).toEqual([true, false, false, false])
  })
})

describe('UI-11 days are divided', () => {
  it('UI-11 at midnight, even within a group', () => {
    const before = new Date(2026, 4, 14, 23, 59)
    const after = new Date(2026, 4, 15, 0, 1)
    const entries = layOutOf([{ at: before }, { at: after }, { at: after }])
    expect(entries.map(({ startsDay }) => startsDay)).toEqual([true, true, false])
    expect(entries.map(({ startsGroup }) => startsGroup)).toEqual([true, true, false])
  })
})

describe('UI-12 the divider of the new messages', () => {
  it('UI-12 stands once, before the first of others after the mark', () => {
    const entries = layOutOf([{}, { from: me }, {}, {}], 1)
    expect(entries.map(({ isFirstNew }) => isFirstNew)).toEqual([false, false, true, false])
    expect(entries[2]?.startsGroup).toBe(true)
  })

  it('UI-12 is not there without unread messages, nor before what the system says', () => {
    expect(layOutOf([{}, {}], null).some(({ isFirstNew }) => isFirstNew)).toBe(false)
    expect(layOutOf([{}, { kind: 'system' }], 1).some(({ isFirstNew }) => isFirstNew)).toBe(false)
  })
})

describe('UI-13 statuses', () => {
  it('UI-13 show on the last of a run, and always when something is wrong', () => {
    const statuses = ['read', 'read', 'sent', 'failed', 'failed', 'queued', 'sending'] as const
    const entries = layOutOf(statuses.map((status) => ({ from: me, status })))
    expect(entries.map(({ showsStatus }) => showsStatus)).toEqual([false, true, true, true, true, true, true])
  })

  it('UI-13 never show on messages of others', () => {
    expect(layOutOf([{}]).some(({ showsStatus }) => showsStatus)).toBe(false)
  })
})

describe('UI-14 entries keep their identity', () => {
  it('UI-14 a message that comes in changes no entry before it', () => {
    const rows = [row(1), row(2)]
    const before = layOut(rows, me, null)
    const after = layOut([...rows, row(3)], me, null, before)
    expect(after[0]).toBe(before[0])
    expect(after[1]).toBe(before[1])
  })
})
