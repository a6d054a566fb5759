import { Type } from '@sinclair/typebox'
import type { Static, TProperties, TSchema } from '@sinclair/typebox'
import type { StoryEntry } from '../../lib/admin/timeline.ts'
import { detailsOf, eventMeanings } from '../../lib/events/events.ts'
import type { EventView, SessionEvent } from '../../lib/events/events.ts'
import { endReasons, expiresAt, hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import { browserOf, deviceLabel, deviceType, systemOf } from '../../lib/model/user-agent.ts'
import { closed, Instant, iso, Reason } from '../schemas.ts'

function nullable <T extends TSchema> (schema: T) {
  return Type.Union([schema, Type.Null()])
}

const NullableText = nullable(Type.String())

/** A session, live or ended, as an admin sees it. Never the user's data, a token or a hash. */
export const SessionView = closed({
  id: Type.String({ description: 'Public name of the session; opens nothing' }),
  userId: nullable(Type.String({ description: 'The owner; null: a guest' })),
  state: Type.Unsafe<'live' | 'ended'>(Type.String({ enum: ['live', 'ended'] })),
  device: Type.String({ description: 'Firefox on Linux' }),
  browser: Type.String({ description: 'Family without version, as the filter takes it; may be empty' }),
  system: Type.String({ description: 'Operating system, as the filter takes it; may be empty' }),
  type: Type.String({ description: 'desktop, mobile, tablet, tool, … or empty' }),
  name: nullable(Type.String({ description: 'What its user calls it' })),
  ip: NullableText,
  createdAt: Instant,
  lastSeenAt: Instant,
  authenticatedAt: nullable(Instant),
  expiresAt: nullable(Instant),
  absoluteAt: nullable(Instant),
  idle: nullable(Type.Integer({ description: 'Milliseconds it lives without a request' })),
  endedAt: nullable(Instant),
  reason: nullable(Reason),
  by: nullable(Type.String({ description: 'Who ended it' })),
  remembered: Type.Boolean(),
  requests: Type.Integer(),
  methods: Type.Array(Type.String(), { description: 'How the user signed in' }),
  current: Type.Boolean({ description: 'The session of this request' })
})
export type SessionView = Static<typeof SessionView>

const StoryView = closed({
  at: Instant,
  type: Type.String({ description: '`seen`, or the type of an event' }),
  text: Type.String(),
  details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]))
})

/** One session with its life. */
export const SessionDetail = closed({
  session: SessionView,
  agent: NullableText,
  firstIp: NullableText,
  firstAgent: NullableText,
  generation: nullable(Type.Integer({ description: 'How often its verifier was rotated' })),
  story: Type.Array(StoryView, { description: 'Its life in order, as far as the record and the events that are kept tell' })
})
export type SessionDetail = Static<typeof SessionDetail>

export function toView (session: SessionRecord | EndedSession, currentId: string | null): SessionView {
  const { id, userId, device, name, ip, createdAt, lastSeenAt, remembered, requests } = session
  const common = {
    id, userId, device: deviceLabel(device), browser: browserOf(device), system: systemOf(device), type: deviceType(device), name, ip,
    createdAt: iso(createdAt), lastSeenAt: iso(lastSeenAt), remembered, requests, current: id === currentId
  }
  if (hasEnded(session)) {
    const { endedAt, reason, by } = session
    return { ...common, state: 'ended', authenticatedAt: null, expiresAt: null, absoluteAt: null, idle: null, endedAt: iso(endedAt), reason, by, methods: [] }
  }
  const { authenticatedAt, absoluteAt, idle, methods } = session
  return {
    ...common, state: 'live', authenticatedAt: authenticatedAt === null ? null : iso(authenticatedAt), expiresAt: iso(expiresAt(session)), absoluteAt: iso(absoluteAt), idle,
    endedAt: null, reason: null, by: null, methods: methods === '' ? [] : methods.split(' ')
  }
}

export function toDetail (session: SessionRecord | EndedSession, story: readonly StoryEntry[], currentId: string | null): SessionDetail {
  const seen = hasEnded(session) ? { agent: null, firstIp: null, firstAgent: null, generation: null } : session
  const { agent, firstIp, firstAgent, generation } = seen
  return { session: toView(session, currentId), agent, firstIp, firstAgent, generation, story: story.map(({ at, ...entry }) => ({ at: iso(at), ...entry })) }
}

/** An event as an admin sees it. */
export function toEventView (event: SessionEvent): EventView {
  const { at, type, id, userId } = event
  const { level, security, text } = eventMeanings[type]
  const device = type === 'created' ? event.device : type === 'ended' ? event.session.device : undefined
  return { at: iso(at), type, id, userId, level, security, text, details: { ...detailsOf(event), ...device === undefined ? {} : { device: deviceLabel(device) } } }
}

const AnyInstant = Type.Union([Type.String({ maxLength: 40 }), Type.Integer()], { description: 'ISO 8601, or milliseconds since the epoch' })
const TextInstant = Type.String({ maxLength: 40, description: 'ISO 8601, or milliseconds since the epoch' })
const Text = Type.String({ minLength: 1, maxLength: 256 })

/** The fields of a filter. Everything that is given must hold. */
function filterFields <T extends TSchema> (When: T) {
  const when = (description: string) => Type.Optional(Type.Unsafe<Static<T>>({ ...When, description: `${description}. ISO 8601, or milliseconds since the epoch` }))
  return {
    userId: Type.Optional(Text),
    state: Type.Optional(Type.Unsafe<'live' | 'ended'>(Type.String({ enum: ['live', 'ended'], description: 'Default live; `reason`, `endedAfter` and `endedBefore` mean ended' }))),
    reason: Type.Optional(Type.String({ enum: [...endReasons], description: 'Why it ended' })),
    remembered: Type.Optional(Type.Boolean()),
    guest: Type.Optional(Type.Boolean({ description: 'Without an owner, or with one' })),
    ip: Type.Optional(Type.String({ maxLength: 64, description: 'An address, or a network in CIDR notation' })),
    browser: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Family without version, such as Firefox' })),
    system: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Operating system, such as Windows' })),
    createdAfter: when('At or after'),
    createdBefore: when('Before'),
    seenAfter: when('Last seen at or after'),
    seenBefore: when('Last seen before'),
    expiresAfter: when('Expires at or after'),
    expiresBefore: when('Expires before'),
    endedAfter: when('Ended at or after'),
    endedBefore: when('Ended before'),
    requestsMin: Type.Optional(Type.Integer({ minimum: 0 })),
    requestsMax: Type.Optional(Type.Integer({ minimum: 0 })),
    search: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Appears in user id, address, device or name, or at the start of the session id' })),
    at: when('What was live at that moment, as far as history reaches')
  } satisfies TProperties
}

/** A filter in a query string. */
export const filterQuery = filterFields(TextInstant)
/** A filter in a body. */
export const FilterBody = closed(filterFields(AnyInstant), { description: 'Everything that is given must hold' })
