import type { OperationName } from '@parley/protocol'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Cache } from './cache.ts'

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
  /** Asks at each scrape what the cache keeps and how it served. */
  watchCache(counts: Cache['counts']): void
  /** Everything in the Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
}

function watchCache(registry: Registry, counts: Cache['counts']): void {
  const registers = [registry]
  new Counter({
    name: 'parley_cache_reads_total',
    help: 'What was asked of the cache, and where it was found',
    labelNames: ['kind', 'found'],
    registers,
    collect() {
      this.reset()
      for (const [kind, { here, shared, misses }] of Object.entries(counts())) {
        this.inc({ kind, found: 'memory' }, here)
        this.inc({ kind, found: 'redis' }, shared)
        this.inc({ kind, found: 'nowhere' }, misses)
      }
    },
  })
  new Gauge({
    name: 'parley_cache_hit_rate',
    help: 'Share of what was asked of the cache that it had, since the start',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, { here, shared, misses }] of Object.entries(counts())) {
        this.set({ kind }, (here + shared) / Math.max(1, here + shared + misses))
      }
    },
  })
  new Gauge({
    name: 'parley_cache_entries',
    help: 'What the cache keeps in memory',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, { entries }] of Object.entries(counts())) this.set({ kind }, entries)
    },
  })
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
    watchCache: (counts) => watchCache(registry, counts),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
