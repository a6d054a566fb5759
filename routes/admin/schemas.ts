import { Type } from '@sinclair/typebox'
import type { Static, TProperties, TSchema } from '@sinclair/typebox'
import type { TimelineEntry } from '../../lib/admin/timeline.ts'
import { plainDetails, eventMeanings } from '../../lib/events/events.ts'
import type { EventDetail, EventView, SessionEvent } from '../../lib/events/events.ts'
import { endReasons, expiresAt, hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import { deviceLabel } from '../../lib/model/device.ts'
import { DeviceView, strictObject, Timestamp, toIso, Reason } from '../schemas.ts'

function nullable <T extends TSchema> (schema: T) {
  return Type.Union([schema, Type.Null()])
}

const NullableText = nullable(Type.String())

/** A session, live or ended, as an admin sees it. It never contains the user's data, a token or a hash. */
export const SessionView = strictObject({
  id: Type.String({ description: 'Public id of the session; it cannot authenticate' }),
  userId: nullable(Type.String({ description: 'The owner; null: a guest' })),
  state: Type.Unsafe<'live' | 'ended'>(Type.String({ enum: ['live', 'ended'] })),
  device: DeviceView,
  deviceLabel: Type.String({ description: 'Firefox on Linux' }),
  deviceName: nullable(Type.String({ description: 'The name that its user gave it' })),
  ip: NullableText,
  createdAt: Timestamp,
  lastSeenAt: Timestamp,
  authenticatedAt: nullable(Timestamp),
  expiresAt: nullable(Timestamp),
  absoluteExpiresAt: nullable(Timestamp),
  idleTimeout: nullable(Type.Integer({ description: 'Milliseconds after the last request' })),
  endedAt: nullable(Timestamp),
  reason: nullable(Reason),
  by: nullable(Type.String({ description: 'Who ended it' })),
  remembered: Type.Boolean(),
  requestCount: Type.Integer(),
  methods: Type.Array(Type.String(), { description: 'How the user signed in' }),
  current: Type.Boolean({ description: 'The session of this request' })
})
export type SessionView = Static<typeof SessionView>

const TimelineView = strictObject({
  at: Timestamp,
  type: Type.String({ description: '`seen`, or the type of an event' }),
  text: Type.String(),
  details: Type.Record(Type.String(), Type.Unsafe<EventDetail>(Type.Unknown()), {
    description: 'The details of the event; `device` is an object, `methods` a list'
  })
})

/** A session with its timeline. */
export const SessionDetail = strictObject({
  session: SessionView,
  userAgent: NullableText,
  firstIp: NullableText,
  firstUserAgent: NullableText,
  generation: nullable(Type.Integer({ description: 'How often its verifier was rotated' })),
  timeline: Type.Array(TimelineView, { description: 'Its timeline, from the record and from recent events' })
})
export type SessionDetail = Static<typeof SessionDetail>

export function toView (session: SessionRecord | EndedSession, currentId: string | null): SessionView {
  const { id, userId, device, deviceName, ip, createdAt, lastSeenAt, remembered, requestCount } = session
  const common = {
    id, userId, device, deviceLabel: deviceLabel(device), deviceName, ip,
    createdAt: toIso(createdAt), lastSeenAt: toIso(lastSeenAt), remembered, requestCount, current: id === currentId
  }
  if (hasEnded(session)) {
    const { endedAt, reason, by } = session
    return {
      ...common,
      state: 'ended',
      authenticatedAt: null,
      expiresAt: null,
      absoluteExpiresAt: null,
      idleTimeout: null,
      endedAt: toIso(endedAt),
      reason,
      by,
      methods: []
    }
  }
  const { authenticatedAt, absoluteExpiresAt, idleTimeout, methods } = session
  return {
    ...common, state: 'live', authenticatedAt: authenticatedAt === null
      ? null
      : toIso(authenticatedAt), expiresAt: toIso(expiresAt(session)),
    absoluteExpiresAt: toIso(absoluteExpiresAt), idleTimeout, endedAt: null, reason: null, by: null, methods: [...methods]
  }
}

export function toDetail (
  session: SessionRecord | EndedSession,
  timeline: readonly TimelineEntry[],
  currentId: string | null
): SessionDetail {
  const seen = hasEnded(session) ? { userAgent: null, firstIp: null, firstUserAgent: null, generation: null } : session
  const { userAgent, firstIp, firstUserAgent, generation } = seen
  return {
    session: toView(session, currentId),
    userAgent,
    firstIp,
    firstUserAgent,
    generation,
    timeline: timeline.map(({ at, ...entry }) => ({ at: toIso(at), ...entry }))
  }
}

/** An event as an admin sees it. */
export function toEventView (event: SessionEvent): EventView {
  const { at, type, id, userId } = event
  const { level, security, text } = eventMeanings[type]
  return { at: toIso(at), type, id, userId, level, security, text, details: plainDetails(event) }
}

const AnyTimestamp = Type.Union([Type.String({ maxLength: 40 }), Type.Integer()], {
  description: 'ISO 8601, or milliseconds since the epoch'
})
const TextTimestamp = Type.String({ maxLength: 40, description: 'ISO 8601, or milliseconds since the epoch' })
const Text = Type.String({ minLength: 1, maxLength: 256 })

/** The fields of a filter. A session matches if all of them do. */
function filterFields <T extends TSchema> (When: T) {
  const when = (description: string) =>
    Type.Optional(Type.Unsafe<Static<T>>({ ...When, description: `${description}. ISO 8601, or milliseconds since the epoch` }))
  return {
    userId: Type.Optional(Text),
    state: Type.Optional(Type.Unsafe<'live' | 'ended'>(Type.String({
      enum: ['live', 'ended'],
      description: 'Default live; `reason`, `endedAfter` and `endedBefore` mean ended'
    }))),
    reason: Type.Optional(Type.String({ enum: [...endReasons], description: 'Why it ended' })),
    remembered: Type.Optional(Type.Boolean()),
    guest: Type.Optional(Type.Boolean({ description: 'Without an owner, or with one' })),
    ip: Type.Optional(Type.String({ maxLength: 64, description: 'An address, or a network in CIDR notation' })),
    browser: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Family without version, such as Firefox' })),
    os: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Operating system, such as Windows' })),
    createdAfter: when('At or after'),
    createdBefore: when('Before'),
    lastSeenAfter: when('Last seen at or after'),
    lastSeenBefore: when('Last seen before'),
    expiresAfter: when('Expires at or after'),
    expiresBefore: when('Expires before'),
    endedAfter: when('Ended at or after'),
    endedBefore: when('Ended before'),
    minRequests: Type.Optional(Type.Integer({ minimum: 0 })),
    maxRequests: Type.Optional(Type.Integer({ minimum: 0 })),
    search: Type.Optional(Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'Appears in user id, address, device or name, or at the start of the session id'
    })),
    at: when('Sessions that were live at that time, within history')
  } satisfies TProperties
}

/** A filter in a query string. */
export const filterQuery = filterFields(TextTimestamp)
/** A filter in a body. */
export const FilterBody = strictObject(filterFields(AnyTimestamp), { description: 'A session matches if all conditions do' })
