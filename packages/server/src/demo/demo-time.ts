import type { DemoTime } from './demo-script.ts'

const minute = 60_000
const saturday = 6
const sunday = 0

function isWorkday(date: Date): boolean {
  return date.getDay() !== saturday && date.getDay() !== sunday
}

/**
 * The moment a time of the demo stands for, in the server's time zone.
 * @param time minutes ago, or a time of day some working days ago
 * @param now Unix milliseconds
 */
export function momentOf(time: DemoTime, now: number): Date {
  const [amount = '', clock] = time.split(' ')
  const count = Number.parseInt(amount, 10)
  if (clock === undefined) return new Date(now - count * minute)
  const date = new Date(now)
  for (let left = count; left > 0; ) {
    date.setDate(date.getDate() - 1)
    if (isWorkday(date)) left -= 1
  }
  const [hours = 0, minutes = 0] = clock.split(':').map(Number)
  date.setHours(hours, minutes, 0, 0)
  return date
}
