import type { Awaitable } from '../../async.ts'

/** How statements are sent. */
export interface Send {
  /** Prepare it once per connection, and then send its name only. */
  readonly prepared: boolean
  /** Milliseconds until it is given up. */
  readonly timeout: number
}
/** Receives notifications until it is closed. Reconnects by itself. */
export interface Subscription {
  /** Replaces a connection that is believed dead. Only where the client allows it. */
  renew?(): void
  close (): Awaitable<void>
}

export interface NotificationListener {
  /** A notification came. */
  notified (payload: string): void
  /** The subscription listens. Called again after each reconnection. */
  listening (): void
  /** The connection is gone. */
  lost (cause: unknown): void
}
/** One way to talk to the server, whatever the client. */
export interface Connection {
  /** The first column of each row, which must be text. */
  query (text: string, values: readonly (string | null)[], send: Send): Promise<string[]>
  /** Returns whether a pooler is between that can break this client: then no statement may be prepared. Absent: none can. */
  losesStatements? (): Promise<boolean>
  /** Several statements at once, in one transaction. */
  run (text: string): Promise<void>
  /**
   * Resolves when it listens for the first time, or if the server is a standby, where nothing can listen yet. `timeout`: milliseconds in
   * which a connection must listen.
   */
  listen (channel: string, listener: NotificationListener, timeout: number): Promise<Subscription>
  /** Ends what was handed in or opened. */
  end (): Promise<void>
}
