import type { Connection, LoadUser } from '../drivers/driver.ts'
import { drivers } from '../drivers/drivers.ts'
import { Histogram } from './histogram.ts'
import type { Answer, LoadOrder, Order } from './orders.ts'
import { microseconds, readStamp, stamped } from './stamp.ts'

/** One process that makes load: it spins instead of waiting, so that nothing it sends is late by a timer. */

interface Sender {
  readonly user: LoadUser
  readonly connection: Connection
  sent: number
}

interface Window {
  readonly from: number
  readonly acknowledged: Histogram
  readonly delivered: Histogram
  readonly late: Histogram
  sent: number
  acks: number
  failures: number
  deliveries: number
  disordered: number
}

function windowFrom(from: number): Window {
  const histograms = { acknowledged: new Histogram(), delivered: new Histogram(), late: new Histogram() }
  return { from, ...histograms, sent: 0, acks: 0, failures: 0, deliveries: 0, disordered: 0 }
}

const senders: Sender[] = []
const largestBurst = 64
let window = windowFrom(Number.POSITIVE_INFINITY)
let outstanding = 0

function listenTo({ connection, user }: Sender): void {
  const last: number[] = []
  connection.onMessage((raw) => {
    const stamp = readStamp(raw)
    if (!stamp || stamp.due < window.from || stamp.sender === user.index) return
    window.delivered.add(microseconds() - stamp.due)
    window.deliveries += 1
    if (stamp.number <= (last[stamp.sender] ?? -1)) window.disordered += 1
    last[stamp.sender] = stamp.number
  })
}

async function connectAll({ driver, users }: Extract<Order, { type: 'connect' }>): Promise<void> {
  const left = [...users]
  const work = async () => {
    for (let user = left.shift(); user; user = left.shift()) {
      const sender = { user, connection: await drivers[driver](user), sent: 0 }
      listenTo(sender)
      senders.push(sender)
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
}

function sendOne(sender: Sender, due: number): void {
  const { user, connection } = sender
  const target = window
  const counted = due >= target.from
  if (counted) {
    target.sent += 1
    target.late.add(microseconds() - due)
  }
  outstanding += 1
  const conversation = user.conversations[Math.trunc(Math.random() * user.conversations.length)] ?? ''
  connection.send(conversation, stamped({ due, sender: user.index, number: sender.sent++ })).then(
    () => {
      outstanding -= 1
      if (!counted) return
      target.acknowledged.add(microseconds() - due)
      target.acks += 1
    },
    () => {
      outstanding -= 1
      target.failures += 1
    },
  )
}

/** Messages are due at Poisson times, whether or not earlier ones were answered. */
function load({ start, warmUp, duration, rate }: LoadOrder): Promise<void> {
  const end = start + warmUp + duration
  const pause = () => (-Math.log(1 - Math.random()) * 1e6) / rate
  window = windowFrom(start + warmUp)
  let due = start + pause()
  return new Promise((resolve) => {
    const step = () => {
      for (let burst = 0; due <= microseconds() && due < end && burst < largestBurst; burst++) {
        const sender = senders[Math.trunc(Math.random() * senders.length)]
        if (sender) sendOne(sender, Math.trunc(due))
        due += pause()
      }
      if (microseconds() >= end) resolve()
      else setImmediate(step)
    }
    step()
  })
}

async function follow(order: Order): Promise<Answer> {
  if (order.type === 'connect') await connectAll(order)
  if (order.type === 'load') await load(order)
  const { sent, acks, failures, deliveries, disordered } = window
  return {
    outstanding,
    ...{ sent, acks, failures, deliveries, disordered },
    acknowledged: window.acknowledged.counts(),
    delivered: window.delivered.counts(),
    late: window.late.counts(),
  }
}

process.on('message', (order: Order) => {
  follow(order).then(
    (answer) => process.send?.({ answer }),
    (error: Error) => process.send?.({ error: error.stack }),
  )
})
process.on('disconnect', () => process.exit(0))
