/** One node's statistics of one time bucket. The node overwrites its own value while the bucket lasts; the store never merges values. */
export interface StatisticsSlice {
  /** The node that counted. */
  readonly node: string
  /** Start of the time bucket, store's clock. */
  readonly start: number
  /** Length of the time bucket in milliseconds: 300,000 or 3,600,000. */
  readonly interval: number
  /** JSON, at most 16 KiB. */
  readonly value: string
  /** Retained until then (store's clock); deleted by a later cleanup. */
  readonly until: number
}

/** The number of sessions. Expired sessions may be counted until the next cleanup. */
export interface SessionTotals {
  /** All live sessions, guests included. */
  readonly live: number
  /** Users with a live session. */
  readonly users: number
  readonly guests: number
  readonly remembered: number
}

export interface Statistics extends SessionTotals {
  /** All slices of all nodes whose time bucket starts within the range. */
  readonly slices: readonly StatisticsSlice[]
}
