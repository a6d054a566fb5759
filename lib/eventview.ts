/** What an event says beyond its type: plain values by name. */
export type EventDetails = Readonly<Record<string, string | number | boolean | null>>

/** An event as an admin sees it: what the admin routes send, the console shows and the command line prints. */
export interface EventView {
  /** ISO 8601. */
  readonly at: string
  readonly type: string
  readonly id: string | null
  readonly userId: string | null
  readonly level: string
  /** It is about security. */
  readonly security: boolean
  readonly text: string
  readonly details: EventDetails
}
