import type { OperationName } from '@parley/protocol'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What the server counts about itself. */
export interface Metrics {
  /** Starts timing an operation; call the result when it is answered. */
  operation(name: OperationName): () => void
  /** Events put on the wire, once per socket. */
  delivered(sockets: number): void
  /** Sockets that were told to catch up because they read too slowly. */
  behind(): void
  /** Asks for the number of open sockets at each scrape. */
  watchSockets(count: () => number): void
  /** Everything in the Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** Makes a registry of its own, so that several servers fit into one process. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const durations = new Histogram({
    name: 'parley_operation_seconds',
    help: 'Time to answer an operation',
    labelNames: ['operation'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [registry],
  })
  const deliveries = new Counter({
    name: 'parley_deliveries_total',
    help: 'Events put on the wire, once per socket',
    registers: [registry],
  })
  const slow = new Counter({
    name: 'parley_behind_total',
    help: 'Sockets told to catch up',
    registers: [registry],
  })
  return {
    operation: (operation) => durations.startTimer({ operation }),
    delivered: (sockets) => deliveries.inc(sockets),
    behind: () => slow.inc(),
    watchSockets: (count) => {
      new Gauge({
        name: 'parley_sockets',
        help: 'Open sockets',
        registers: [registry],
        collect() {
          this.set(count())
        },
      })
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
