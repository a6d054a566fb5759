import type { Awaitable } from '../../async.ts'

/** How statements are sent. */
export interface Send {
  /** Prepare it once per connection, and then send its name only. */
  readonly prepared: boolean
  /** Milliseconds until it is given up. */
  readonly timeout: number
}
/** Hears notifications, until it is closed. Reconnects by itself. */
export interface Subscription {
  /** The connection is believed dead: makes it anew, where the client lets us. */
  renew?(): void
  close (): Awaitable<void>
}

export interface Hearing {
  /** A notification came. */
  heard (payload: string): void
  /** It listens; told again each time that it does so anew. */
  listening (): void
  /** The connection is gone. */
  lost (cause: unknown): void
}
/** One way to talk to the server, whatever the client. */
export interface Connection {
  /** The first column of each row, which must be text. */
  ask (text: string, values: readonly (string | null)[], send: Send): Promise<string[]>
  /** Several statements at once, in one transaction. */
  run (text: string): Promise<void>
  /** Resolves when it listens for the first time. */
  listen (channel: string, hearing: Hearing): Promise<Subscription>
  /** Ends what was handed in or opened. */
  end (): Promise<void>
}
