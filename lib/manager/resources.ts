import type { SessionEventEmitter } from '../events/emitter.ts'
import { EventThrottle } from '../events/throttle.ts'
import { IpAnonymizer } from '../model/ip-address.ts'
import { StatisticsCollector } from '../statistics/collector.ts'
import type { Store } from '../store.ts'
import { openStore } from '../stores/open.ts'
import { toOpenError } from '../stores/open-error.ts'
import { CachedStore, isCacheable } from '../stores/wrappers/cached-store.ts'
import { EncryptedStore, refuseEncryptedSessions } from '../stores/wrappers/encrypted-store.ts'
import { FieldCipher } from '../stores/wrappers/field-cipher.ts'
import { GuardedStore } from '../stores/wrappers/guarded-store.ts'
import { CredentialVerifiers } from '../token/credential-verifiers.ts'
import { deriveKeys } from '../token/keys.ts'
import { Successors } from '../token/successors.ts'
import { EndNotifier } from './end-notifier.ts'
import type { ResolvedOptions } from './options.ts'
import type { StoreClock } from './store-clock.ts'
import { StoreTimings } from './store-timings.ts'
import { warnOfStore } from './store-warnings.ts'
import type { ValidationCounts } from './validation-result.ts'

/** The parts of a manager before it opens. */
export interface ManagerSetup {
  readonly options: ResolvedOptions
  readonly clock: StoreClock
  readonly events: SessionEventEmitter
}

/** The resources of a manager: the opened store with its wrappers, keys, counts. */
export interface ManagerResources extends ManagerSetup {
  readonly notifier: EndNotifier
  /** `null`: the store cannot be cached, so that every validation reads it. */
  readonly cache: CachedStore | null
  /** Encrypts and caches if configured. Every operation is bounded in time, and rejects with a `SessionError`. */
  readonly store: Store
  readonly timings: StoreTimings
  readonly anonymizer: IpAnonymizer
  /** Emits events that a client can cause at will, throttled. */
  readonly throttle: EventThrottle
  readonly successors: Successors
  readonly credentials: CredentialVerifiers
  readonly statistics: StatisticsCollector
  readonly validationCounts: ValidationCounts
}

/**
 * Opens the store. Rejects with `FST_SESSION_INVALID_OPTION` if the store or the encryption does not fit, and with
 * `FST_SESSION_STORE_NOT_OPENED` if it cannot be opened.
 */
export async function openResources (setup: ManagerSetup): Promise<ManagerResources> {
  const { options, clock, events } = setup
  const { secrets, name } = options
  const engine = await openStore(options.store).catch((error: unknown) => { throw toOpenError(error, options.store) })
  const notifier = new EndNotifier(events, { echoes: engine.subscribe !== undefined, onError: toEndListenerWarning(options) })
  const readable = withEncryption(engine, setup, notifier)
  const cache = isCacheable(readable) ? new CachedStore(readable) : null
  const store = withGuard(cache ?? readable, setup)
  try {
    const { now, historyRetention: history, historyPerUser, storeTimeout: giveUp, warn } = options
    await store.open({ now, history, historyPerUser, giveUp, warn })
  } catch (error) {
    throw toOpenError(error, options.store)
  }
  await closeOnError(store, async () => {
    warnOfStore(store, options.warn)
    if (options.encryption === null && store.durable) await refuseEncryptedSessions(store)
    await clock.measure(store)
  })
  const anonymizer = new IpAnonymizer(options.ip, deriveKeys(secrets, 'ip', name))
  return {
    options,
    clock,
    events,
    notifier,
    cache,
    store,
    timings: new StoreTimings(store, error => { options.warn('A listener of store operations failed.', error) }),
    anonymizer,
    throttle: new EventThrottle(events, ip => anonymizer.networkOf(ip)),
    successors: new Successors(secrets, name),
    credentials: new CredentialVerifiers(options),
    statistics: new StatisticsCollector(store, events),
    validationCounts: { accepted: 0, renewed: 0, ended: 0, reused: 0, superseded: 0, unknown: 0 }
  }
}

/** Returns a function that logs the failures of end listeners. */
export function toEndListenerWarning ({ warn }: Pick<ResolvedOptions, 'warn'>): (error: unknown) => void {
  return error => { warn('A listener of the end of a session failed.', error) }
}

/** Runs a step of opening. If it fails, the store that was opened is closed, and the step's error is thrown. */
export async function closeOnError<T> (store: Store, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    try {
      await store.close()
    } catch {
      // the error of the step is the cause
    }
    throw error
  }
}

/**
 * Measures the clock again, and warns of a leap: clocks are set, and a store that comes back may run on another machine. A failure is
 * ignored, because the next measurement is soon.
 */
export async function remeasure ({ options, clock }: ManagerSetup, store: Store): Promise<void> {
  const leapt = await clock.measure(store).catch(() => 0)
  if (leapt === 0) return
  const whose = store.now === undefined ? 'this machine' : `the store \`${store.name}\``
  const effect = leapt > 0 ? 'Sessions expire that much earlier' : 'Sessions expire that much later'
  options.warn(`The clock of ${whose} leapt by ${leapt} ms. ${effect} than their timeouts say. Synchronize it with NTP, which slews it.`)
}

function withEncryption (store: Store, { options, events }: ManagerSetup, notifier: EndNotifier): Store {
  const { encryption, name } = options
  if (encryption === null) return store
  return new EncryptedStore(store, {
    cipher: new FieldCipher(deriveKeys(encryption.keys, 'data', name), encryption),
    ip: encryption.ip,
    userAgent: encryption.userAgent,
    onBroken (session) {
      events.emit({ type: 'decryption-failed', at: session.endedAt, id: session.id, userId: session.userId, ip: session.ip })
      notifier.ended([session])
    }
  })
}

function withGuard (store: Store, setup: ManagerSetup): GuardedStore {
  const { options, events } = setup
  const base = { id: null, userId: null }
  return new GuardedStore(store, {
    timeout: options.storeTimeout,
    now: () => performance.now(),
    onFailure (operation, error, count) {
      events.emit({ type: 'store-failed', at: Date.now(), ...base, operation, error: error instanceof Error ? error.name : 'Error', count })
    },
    onRecovery (after) {
      events.emit({ type: 'store-recovered', at: Date.now(), ...base, after })
      // bypasses the circuit breaker: a clock that fails while all else works must not count as an outage and a recovery each time
      void remeasure(setup, store)
    }
  })
}
