import type { OperationName } from '@parley/protocol'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Cache, CacheCounts } from './cache.ts'

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

function countReads(registry: Registry, counts: Cache['counts']): void {
  new Counter({
    name: 'parley_cache_reads_total',
    help: 'Newest pages that were asked for, and where they were found',
    labelNames: ['found'],
    registers: [registry],
    collect() {
      const { here, shared, misses } = counts()
      this.reset()
      this.inc({ found: 'memory' }, here)
      this.inc({ found: 'redis' }, shared)
      this.inc({ found: 'nowhere' }, misses)
    },
  })
}

type Watch = (name: string, help: string, value: () => number) => void

function hitRateOf({ here, shared, misses }: CacheCounts): number {
  return (here + shared) / Math.max(1, here + shared + misses)
}

function watchCache(registry: Registry, watch: Watch, counts: Cache['counts']): void {
  countReads(registry, counts)
  watch('parley_cache_hit_rate', 'Share of the newest pages that the cache had', () => hitRateOf(counts()))
  watch('parley_cache_entries', 'Pages in the memory of this process', () => counts().entries)
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
  const watch: Watch = (name, help, value) => {
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
    watchCache: (counts) => watchCache(registry, watch, counts),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
