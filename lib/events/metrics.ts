import { eventMeanings, migrationOf } from './events.ts'
import type { SessionEventOf, SessionEventType } from './events.ts'

/** One sample of prom-client. */
interface Sample {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName?: string
}

type MetricType = 'counter' | 'gauge' | 'histogram'

/** The members of a metric that a registry uses. */
interface Metric {
  name: string
  readonly help: string
  readonly type: MetricType
  readonly aggregator: string
  get (): Promise<{ name: string, help: string, type: MetricType, aggregator: string, values: Sample[] }>
  reset (): void
}

/** The members of a prom-client registry that are used. */
export interface MetricsRegistry {
  // declared as a method, because that of prom-client accepts only its own classes
  registerMetric (metric: never): void
  removeSingleMetric (name: string): void
}

/** prom-client itself (its default registry counts), or a registry of it. */
export type MetricsTarget = MetricsRegistry | { readonly register: MetricsRegistry }

const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5] as const

/** Durations of one operation. */
class Durations {
  readonly buckets = new Array<number>(bounds.length + 1).fill(0)
  sum = 0
  count = 0

  add (seconds: number): void {
    this.sum += seconds
    this.count++
    const place = bounds.findIndex(bound => seconds <= bound)
    const index = place === -1 ? bounds.length : place
    this.buckets[index] = this.buckets[index] as number + 1
  }

  samples (name: string, op: string): Sample[] {
    let total = 0
    return [
      ...this.buckets.map((count, i) => {
        total += count
        return { value: total, labels: { op, le: bounds[i] ?? '+Inf' }, metricName: `${name}_bucket` }
      }),
      { value: this.sum, labels: { op }, metricName: `${name}_sum` },
      { value: this.count, labels: { op }, metricName: `${name}_count` }
    ]
  }
}

/** The members of `SessionManager` that the metrics use. */
export interface MetricsSource {
  on <T extends SessionEventType>(type: T | '*', listener: (event: SessionEventOf<T>) => unknown): () => void
  onStoreOperation (listener: (operation: string, duration: number) => void): () => void
  totals (): Promise<{ readonly live: number, readonly users: number, readonly guests: number, readonly remembered: number }>
  readonly validationCounts: Readonly<Record<string, number>>
}

/**
 * Registers the metrics of a manager in the app's prom-client: `fastify_session_active` and related gauges (of the whole store: use the
 * maximum over nodes, not the sum), `fastify_session_created_total`, `fastify_session_ended_total{reason}`,
 * `fastify_session_validations_total{result}`, `fastify_session_security_events_total{type}`,
 * `fastify_session_migration_total{source,result}`, `fastify_session_store_operation_duration_seconds{op}`. Labels never name users,
 * addresses or sessions. Throws the registry's error if a name is taken. Returns a function that unregisters them.
 */
export function sessionMetrics (sessions: MetricsSource, target: MetricsTarget): () => void {
  const registry = 'register' in target ? target.register : target
  const created = new Map<string, number>()
  const ended = new Map<string, number>()
  const security = new Map<string, number>()
  const migrated = new Map<string, Sample>()
  const durations = new Map<string, Durations>()
  const stops = [
    sessions.on('created', ({ remembered }) => { increase(created, String(remembered), 1) }),
    sessions.on('ended', ({ reason }) => { increase(ended, reason, 1) }),
    sessions.on('*', event => {
      if (eventMeanings[event.type].security) increase(security, event.type, 'count' in event ? event.count : 1)
    }),
    sessions.on('*', event => {
      const migration = migrationOf(event)
      if (migration === null) return
      const { source, result, count } = migration
      const key = `${source} ${result}`
      migrated.set(key, { labels: { source, result }, value: (migrated.get(key)?.value ?? 0) + count })
    }),
    sessions.onStoreOperation((operation, duration) => {
      const known = durations.get(operation) ?? new Durations()
      durations.set(operation, known)
      known.add(duration / 1000)
    })
  ]
  const duration = 'fastify_session_store_operation_duration_seconds'
  const metrics = [
    gauge(
      'fastify_session_active',
      'Live sessions in the store; expired ones count until the next cleanup',
      async () => (await sessions.totals()).live
    ),
    gauge('fastify_session_active_users', 'Users with a live session', async () => (await sessions.totals()).users),
    gauge('fastify_session_active_guests', 'Live sessions without a user', async () => (await sessions.totals()).guests),
    gauge('fastify_session_active_remembered', 'Live remembered sessions', async () => (await sessions.totals()).remembered),
    counter('fastify_session_created_total', 'Sessions created by this node', () => labelled(created, 'remembered')),
    counter('fastify_session_ended_total', 'Sessions ended, reported by this node', () => labelled(ended, 'reason')),
    counter(
      'fastify_session_validations_total',
      'Tokens judged by this node',
      () => labelled(new Map(Object.entries(sessions.validationCounts)), 'result')
    ),
    counter('fastify_session_security_events_total', 'Security events of this node', () => labelled(security, 'type')),
    counter('fastify_session_migration_total', 'Legacy credentials processed by this node, by result', () => [...migrated.values()]),
    metric(duration, {
      help: 'Duration of store operations',
      type: 'histogram',
      aggregator: 'sum',
      values: async () => [...durations].flatMap(([op, known]) => known.samples(duration, op))
    })
  ]
  for (const metric of metrics) registry.registerMetric(metric as never)
  return () => {
    for (const stop of stops) stop()
    for (const { name } of metrics) registry.removeSingleMetric(name)
  }
}

function gauge (name: string, help: string, value: () => Promise<number>): Metric {
  return metric(name, {
    help, type: 'gauge', aggregator: 'max',
    // a failing store must not disable the app's other metrics
    values: async () => { try { return [{ value: await value(), labels: {} }] } catch { return [] } }
  })
}

function counter (name: string, help: string, values: () => Sample[]): Metric {
  return metric(name, { help, type: 'counter', aggregator: 'sum', values: async () => values() })
}

function metric (name: string, { help, type, aggregator, values }: {
  readonly help: string
  readonly type: MetricType
  readonly aggregator: string
  readonly values: () => Promise<Sample[]>
}): Metric {
  return {
    // OpenMetrics registries change the name of counters
    name, help, type, aggregator,
    async get () { return { name: this.name, help, type, aggregator, values: await values() } },
    // the manager owns the totals, which continue
    reset () {}
  }
}

function increase (counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}

function labelled (counts: ReadonlyMap<string, number>, label: string): Sample[] {
  return [...counts].map(([key, value]) => ({ value, labels: { [label]: key } }))
}
