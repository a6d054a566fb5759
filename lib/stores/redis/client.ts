import { withTimeout } from '../../async.ts'

/** A server's reply to a command. */
export type Reply = string | number | null | readonly Reply[]

/** Waits for what happens on one subscription. */
export interface SubscriptionListener {
  /** A message, in the order in which the server sent them. */
  message (text: string): void
  /** The connection broke, or was made again: messages may be missing. */
  lost (): void
}

export interface Subscription {
  close (): Promise<void>
}

/** A server that takes writes: the only one, or one of a cluster's. */
export interface Primary {
  /** Sends a command over a connection that data takes. */
  command (args: readonly string[]): Promise<unknown>
  /** Listens to a channel over a connection of its own; resolves when the server has confirmed it. */
  subscribe (channel: string, listener: SubscriptionListener): Promise<Subscription>
}

/** What the store needs of a client, whichever it is. */
export interface RedisClient {
  /** What the client itself puts before every key; the store's channel gets it, too. */
  readonly keyPrefix: string
  /** The number of the database that the client is configured to use. */
  readonly database: number
  /** Keys of different slots may lie on different servers. */
  readonly cluster: boolean
  /** Sends a command to the primary that has the key; the key is among the arguments. */
  command (key: string, args: readonly string[]): Promise<unknown>
  /** As `command`, outside of any pipeline in which the client collects commands of other callers. */
  alone (key: string, args: readonly string[]): Promise<unknown>
  /** Every field of a hash, from the primary. */
  fields (key: string): Promise<unknown>
  /** Waits until `replicas` replicas have the writes to the key's primary. Resolves to the number that have them. */
  wait (key: string, replicas: number, timeout: number): Promise<number>
  /** The primaries as the client knows them now. One that stays is the same object each time. */
  primaries (): Promise<readonly Primary[]>
  /** Calls back when a connection was made again, or the primaries may have changed. Returns what stops it. */
  onReconnect (listener: () => void): () => void
}

/** The part of Node's EventEmitter that clients share. */
export interface Emitter {
  on (event: string, listener: (...args: unknown[]) => void): unknown
  off (event: string, listener: (...args: unknown[]) => void): unknown
}

/** For errors that are reported in another way, too. */
export const ignore = (): void => {}

/** Calls back for each of some events. Returns what stops it. */
export function listen (emitter: Emitter, events: readonly string[], listener: () => void): () => void {
  const call = (): void => { listener() }
  for (const event of events) emitter.on(event, call)
  return () => { for (const event of events) emitter.off(event, call) }
}

/** A subscription that has not begun by then is given up: its server may never come back. Milliseconds. */
export const connectTimeout = 2000

/** Waits until a subscription has begun; closes it if it does not. */
export async function started (subscribing: Promise<unknown>, subscription: Subscription): Promise<void> {
  try {
    await withTimeout(subscribing, connectTimeout)
  } catch (error) {
    await subscription.close()
    throw error
  }
}

/** Keeps one object for each key that is in use. */
export class WeakCache<K extends object, V> {
  readonly #values = new WeakMap<K, V>()
  readonly #make: (key: K) => V

  constructor (make: (key: K) => V) {
    this.#make = make
  }

  of (key: K): V {
    let value = this.#values.get(key)
    if (value === undefined) {
      value = this.#make(key)
      this.#values.set(key, value)
    }
    return value
  }
}
