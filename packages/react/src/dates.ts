import { text } from './text.ts'

const locale = 'en-GB'
const clockTime = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short' })
const dayAndMonth = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
const shortDate = new Intl.DateTimeFormat(locale, { day: '2-digit', month: '2-digit', year: '2-digit' })
const longDay = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' })
const longDayWithYear = new Intl.DateTimeFormat(locale, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
})
const full = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long' })
const dayLength = 24 * 60 * 60 * 1000

function startOfDay(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
}

function daysBefore(iso: string, now: number): number {
  return Math.round((startOfDay(new Date(now)) - startOfDay(new Date(iso))) / dayLength)
}

/** "14:32" */
export function timeOfDay(iso: string): string {
  return clockTime.format(new Date(iso))
}

/** The whole date with its zone, for a tooltip. */
export function fullTime(iso: string): string {
  return full.format(new Date(iso))
}

/** Whether two moments lie on the same day here. */
export function sameDay(a: string, b: string): boolean {
  return startOfDay(new Date(a)) === startOfDay(new Date(b))
}

/**
 * The time of a list row: "14:32" today, then "Yesterday", the weekday, the day, the date.
 * @param now Unix milliseconds
 */
export function listTime(iso: string, now: number): string {
  const days = daysBefore(iso, now)
  if (days <= 0) return timeOfDay(iso)
  if (days === 1) return text('yesterday')
  if (days < 7) return weekday.format(new Date(iso))
  const sameYear = new Date(iso).getFullYear() === new Date(now).getFullYear()
  return (sameYear ? dayAndMonth : shortDate).format(new Date(iso))
}

/** The name of a day: "Today", "Yesterday", "Tuesday 14 May", with the year when it is another one. */
export function dayName(iso: string, now: number): string {
  const days = daysBefore(iso, now)
  if (days === 0) return text('today')
  if (days === 1) return text('yesterday')
  const sameYear = new Date(iso).getFullYear() === new Date(now).getFullYear()
  return (sameYear ? longDay : longDayWithYear).format(new Date(iso)).replace(',', '')
}
