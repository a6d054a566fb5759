import { Timer } from '../async.ts'
import type { Events } from '../events/emitter.ts'
import type { Addresses } from '../model/ip-address.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { confirms } from '../policy.ts'
import { Counter } from '../statistics/collector.ts'
import type { Store } from '../store.ts'
import { openStore } from '../stores/open.ts'
import { CachedStore, isCacheable } from '../stores/wrappers/cached-store.ts'
import { refuseSealedSessions, SealedStore } from '../stores/wrappers/encrypted-store.ts'
import { Vault } from '../stores/wrappers/field-cipher.ts'
import { GuardedStore } from '../stores/wrappers/guarded-store.ts'
import { AdoptedVerifiers } from '../token/credential-verifiers.ts'
import { deriveKeys } from '../token/keys.ts'
import type { Successors } from '../token/successors.ts'
import { Activity } from './activity.ts'
import { sweepStore } from './cleanup.ts'
import { Creator } from './creator.ts'
import { Blocks } from './credential-blocks.ts'
import { Endings } from './end-listeners.ts'
import type { Announcer } from './end-notifier.ts'
import type { Settings } from './options.ts'
import { PendingEnds } from './pending-revocations.ts'
import { Lookup } from './reader.ts'
import { NewRecords } from './record-factory.ts'
import { Ender } from './revoker.ts'
import type { Difference } from './risk.ts'
import { Rotator } from './rotator.ts'
import type { Clock } from './store-clock.ts'
import type { Operations } from './store-timings.ts'
import type { ValidationCounts } from './validation-result.ts'
import { Validator } from './validator.ts'

/** What a manager has before it opens, and after it has closed. */
export interface PartsOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly events: Events
  readonly announcer: Announcer
  readonly addresses: Addresses
  readonly operations: Operations
  readonly successors: Successors
  readonly validations: ValidationCounts
}

/** What an open manager works with. */
export interface Parts {
  readonly store: GuardedStore
  readonly validator: Validator
  readonly lookup: Lookup
  readonly creator: Creator
  readonly blocks: Blocks
  readonly rotator: Rotator
  readonly ender: Ender
  readonly activity: Activity
  readonly counter: Counter
  readonly endings: Endings
  readonly sweep: Timer
  /** Stops the timers, waits for what is running, writes what is pending, closes the store. */
  readonly close: () => Promise<void>
}

/** Opens the store, and starts the sweep and the flush. */
export async function openParts (options: PartsOptions): Promise<Parts> {
  const { settings, clock, events, announcer, successors, validations } = options
  const inner = sealed(await openStore(settings.store), options)
  const copies = isCacheable(inner) ? new CachedStore(inner) : null
  const store = guarded(copies ?? inner, options)
  await store.open({ now: settings.now, history: settings.history, historyPerUser: 20, warn: settings.warn })
  if (settings.encryption === null && store.durable) await refuseSealedSessions(store)
  if (settings.now === null) await clock.measure(store)
  if (store.scope !== 'process') observe(store, options.operations)
  const now = (): number => clock.now()
  const onChange = (record: SessionRecord, change: Difference): void => { tellChange(events, { record, change, at: now() }) }
  const counter = new Counter(store, events)
  const activity = new Activity(store, {
    flush: settings.flush,
    onChange,
    confirms: (record, now) => confirms(settings.policy, record, successors.resentAt(record.id), now),
    onDue: () => { if (settings.flush > 0) void flushing.run() },
    onFlush: requests => { counter.requests(requests, now()) }
  })
  const endings = new Endings({ read: id => store.read(id), now, told: store.scope === 'process' || store.watch !== undefined })
  const pending = new PendingEnds(store, ended => { announcer.ended(ended) })
  const ender = new Ender(store, { announcer, endings, pending })
  const adopted = new AdoptedVerifiers(settings)
  const records = new NewRecords(store, { ...options, adopted })
  announcer.attach({ activity, endings, watched: store.watch !== undefined })
  // jittered, so that the nodes of a cluster do not sweep together
  const sweep = new Timer(async () => {
    await measureAgain(store, options)
    await sweepStore(store, { clock, events, announcer, activity, successors, settle: settings.policy.settle })
  }, { delay: () => settings.sweep * (0.9 + Math.random() * 0.2) })
  const flushing = new Timer(async () => { await activity.flush(now()) }, { delay: () => settings.flush })
  const timers = [sweep, new Timer(() => counter.flush(now()), { delay: () => 10_000 })]
  if (settings.flush > 0) timers.push(flushing)
  const watch = await store.watch?.({ ended: session => { announcer.endedElsewhere(session) }, changed: () => {}, lost: () => { endings.checkAll() } })
  for (const timer of timers) timer.start()
  return {
    store,
    activity,
    counter,
    endings,
    ender,
    sweep,
    validator: new Validator(store, { ...options, copies, activity, pending, ender, counts: validations, onChange }),
    lookup: new Lookup(store, activity),
    creator: new Creator(store, { ...options, pending, records, adopted }),
    blocks: new Blocks(store, { clock, records, ender }),
    rotator: new Rotator(store, options),
    async close () {
      await Promise.all(timers.map(timer => timer.stop()))
      endings.close()
      await activity.flush(now())
      await pending.close()
      await counter.flush(now())
      await watch?.close()
      await store.close()
    }
  }
}

/** While somebody looks, the time of each verb is taken. */
export function observe (store: GuardedStore, operations: Operations): void {
  store.observer ??= (operation, duration) => { operations.add(operation, duration) }
}

/** Clocks drift, and a store that comes back may be on another machine. What fails is tried again with the next sweep. */
async function measureAgain (store: Store, { settings, clock }: PartsOptions): Promise<void> {
  if (settings.now === null) await clock.measure(store).catch(() => undefined)
}

function sealed (store: Store, { settings, events, announcer }: PartsOptions): Store {
  const { encryption, name } = settings
  if (encryption === null) return store
  const vault = new Vault(deriveKeys(encryption.keys, 'data', name), encryption)
  const onBroken = (session: EndedSession): void => {
    events.emit({ type: 'unsealable', at: session.endedAt, id: session.id, userId: session.userId, ip: session.ip })
    announcer.ended([session])
  }
  return new SealedStore(store, { vault, ip: encryption.ip, agent: encryption.agent, onBroken })
}

function guarded (inner: Store, options: PartsOptions): GuardedStore {
  const { settings, events } = options
  let failures = 0
  return new GuardedStore(inner, {
    timeout: settings.storeTimeout,
    now: Date.now,
    onFailure (operation, error) {
      // the first of a row, then every hundredth: an outage must not flood the log
      if (failures++ % 100 !== 0) return
      events.emit({ type: 'store-failed', at: Date.now(), id: null, userId: null, operation, error: error instanceof Error ? error.name : 'Error', count: failures })
    },
    onRecovery (after) {
      failures = 0
      events.emit({ type: 'store-recovered', at: Date.now(), id: null, userId: null, after })
      // past the guard: a clock that fails while all else works must not be an outage and a recovery with every call
      void measureAgain(inner, options)
    }
  })
}

function tellChange (events: Events, { record, change, at }: { readonly record: SessionRecord, readonly change: Difference, readonly at: number }): void {
  const base = { at, id: record.id, userId: record.userId }
  if (change.ip !== undefined) events.emit({ type: 'ip-changed', ...base, from: record.ip, to: change.ip })
  if (change.agent !== undefined) events.emit({ type: 'agent-changed', ...base, from: record.agent, to: change.agent })
}
