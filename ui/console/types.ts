/** The replies of the admin routes, as far as the console shows them. */
import type { EventDetails } from '../../lib/events/events.ts'
import type { Device } from '../../lib/model/device.ts'

export type { EventDetail, EventDetails, EventView } from '../../lib/events/events.ts'

export type Range = '1h' | '24h' | '7d' | '30d'
export const ranges: readonly Range[] = ['1h', '24h', '7d', '30d']
export const reasons = ['logout', 'revoked', 'evicted', 'idle-timeout', 'absolute-timeout', 'replaced', 'token-reuse'] as const
export type Reason = typeof reasons[number]

export interface Sums {
  readonly created: number
  readonly createdRemembered: number
  readonly ended: Readonly<Record<Reason, number>>
  readonly requests: number
  readonly security: Readonly<Record<string, number>>
}

export interface Bucket {
  readonly start: string
  readonly live: number
  readonly created: number
  readonly ended: Readonly<Record<Reason, number>>
  readonly requests: number
}

export interface Top { readonly key: string, readonly sessions: number, readonly users: number }

export interface Statistics extends Sums {
  readonly range: Range
  readonly from: string
  readonly to: string
  readonly interval: number
  readonly live: number
  readonly users: number
  readonly sessionsPerUser: number
  readonly previous: Sums | null
  readonly lifetimes: readonly { readonly below: number | null, readonly count: number }[]
  readonly topIps: readonly Top[]
  readonly topBrowsers: readonly Top[]
  readonly topOs: readonly Top[]
  readonly topUsers: readonly Top[]
  readonly buckets: readonly Bucket[]
  readonly store: { readonly name: string, readonly p99: number | null }
}

export interface Session {
  readonly id: string
  readonly userId: string | null
  readonly state: 'live' | 'ended'
  readonly device: Device
  readonly deviceLabel: string
  readonly deviceName: string | null
  readonly ip: string | null
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly expiresAt: string | null
  readonly absoluteExpiresAt: string | null
  readonly idleTimeout: number | null
  readonly endedAt: string | null
  readonly reason: Reason | null
  readonly by: string | null
  readonly remembered: boolean
  readonly requestCount: number
  readonly methods: readonly string[]
  readonly current: boolean
}

export interface Detail {
  readonly session: Session
  readonly userAgent: string | null
  readonly firstIp: string | null
  readonly firstUserAgent: string | null
  readonly generation: number | null
  readonly timeline: readonly { readonly at: string, readonly type: string, readonly text: string, readonly details: EventDetails }[]
}

export interface Page { readonly items: readonly Session[], readonly cursor: string | null }
