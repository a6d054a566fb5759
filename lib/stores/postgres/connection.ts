import type { Awaitable } from '../../async.ts'

/** Options of a statement. */
export interface Send {
  /** Prepares it once per connection, and then sends only its name. */
  readonly prepared: boolean
  /** Milliseconds after which it is canceled. */
  readonly timeout: number
}
/** Receives notifications until it is closed. Reconnects automatically. */
export interface Subscription {
  /** Replaces a connection that seems dead. Absent if the client cannot. */
  renew?(): void
  close (): Awaitable<void>
}

export interface NotificationListener {
  /** Receives a notification. */
  notified (payload: string): void
  /** Is called when the subscription listens, also after each reconnection. */
  listening (): void
  /** Is called when the connection is lost. */
  lost (cause: unknown): void
}
/** A connection to the server, with one interface for all clients. */
export interface Connection {
  /** Resolves to the first column of each row, which must be text. */
  query (text: string, values: readonly (string | null)[], send: Send): Promise<string[]>
  /** Returns whether there is a pooler that can break this client: then no statement may be prepared. Absent: no pooler can. */
  losesStatements? (): Promise<boolean>
  /** Runs several statements at once, in one transaction. */
  run (text: string): Promise<void>
  /**
   * Resolves when it first listens, or if the server is a standby, which cannot LISTEN. `timeout`: milliseconds in which a connection must
   * listen.
   */
  listen (channel: string, listener: NotificationListener, timeout: number): Promise<Subscription>
  /** Closes the client. */
  end (): Promise<void>
}
