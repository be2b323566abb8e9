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
  /** Hints and signals that other nodes did not get. */
  busFailed(count: number): void
  /** Asks at each scrape whether other nodes can be reached. */
  watchBus(isHealthy: () => boolean): void
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
  const unsent = new Counter({
    name: 'parley_bus_failures_total',
    help: 'Hints and signals that other nodes did not get over Redis',
    registers: [registry],
  })
  const watch = (name: string, help: string, value: () => number) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  }
  return {
    operation: (operation) => durations.startTimer({ operation }),
    delivered: (sockets) => deliveries.inc(sockets),
    behind: () => slow.inc(),
    busFailed: (count) => unsent.inc(count),
    watchBus: (isHealthy) =>
      watch('parley_bus_healthy', '1 while other nodes can be reached over Redis', () => Number(isHealthy())),
    watchSockets: (count) => watch('parley_sockets', 'Open sockets', count),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
