import { withTimeout } from '../../async.ts'

/** A server's reply to a command. */
export type Reply = string | number | null | readonly Reply[]

/** Receives messages of one subscription. */
export interface SubscriptionListener {
  /** A message, in the order in which the server sent them. */
  message (text: string): void
  /** The connection broke, or was restored: messages may be missing. */
  lost (): void
}

export interface Subscription {
  close (): Promise<void>
}

/** A server that accepts writes: the only one, or a master of a cluster. */
export interface Primary {
  /** Sends a command over the data connection. */
  command (args: readonly string[]): Promise<unknown>
  /** Subscribes to a channel on a connection of its own. Resolves when the server has confirmed it. */
  subscribe (channel: string, listener: SubscriptionListener): Promise<Subscription>
}

/** The operations of a client that the store uses, with one interface for all clients. */
export interface RedisClient {
  /** The prefix that the client itself adds to every key; the store adds it to its channel, too. */
  readonly keyPrefix: string
  /** The number of the database that the client is configured to use. */
  readonly database: number
  /** Whether keys of different slots may be on different servers. */
  readonly cluster: boolean
  /** Sends a command to the primary that has the key; the key is among the arguments. */
  command (key: string, args: readonly string[]): Promise<unknown>
  /** As `command`, but not in a pipeline in which the client collects commands of other callers. */
  alone (key: string, args: readonly string[]): Promise<unknown>
  /** Resolves to every field of a hash, from the primary. */
  fields (key: string): Promise<unknown>
  /** Waits until `replicas` replicas have the writes to the key's primary. Resolves to the number that have them. */
  wait (key: string, replicas: number, timeout: number): Promise<number>
  /** Resolves to the primaries that the client knows now. A primary that stays is the same object each time. */
  primaries (): Promise<readonly Primary[]>
  /** Registers a listener for restored connections and possible changes of the primaries. Returns a function that removes it. */
  onReconnect (listener: () => void): () => void
}

/** The part of Node's EventEmitter that clients share. */
export interface Emitter {
  on (event: string, listener: (...args: unknown[]) => void): unknown
  off (event: string, listener: (...args: unknown[]) => void): unknown
}

/** Handles errors that are also reported in another way. */
export const ignore = (): void => {}

/** Registers a listener for several events. Returns a function that removes it. */
export function listen (emitter: Emitter, events: readonly string[], listener: () => void): () => void {
  const call = (): void => { listener() }
  for (const event of events) emitter.on(event, call)
  return () => { for (const event of events) emitter.off(event, call) }
}

/** Milliseconds after which a subscription that has not started is abandoned: its server may never respond. */
export const connectTimeout = 2000

/** Waits until a subscription has started; closes it if it does not. */
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
