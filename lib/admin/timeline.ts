import { plainDetails, eventMeanings } from '../events/events.ts'
import type { EventDetails, SessionEvent } from '../events/events.ts'
import { hasEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { deviceLabel } from '../model/device.ts'
import type { Device } from '../model/device.ts'
import { deviceOf } from '../model/user-agent.ts'

/** An entry of a timeline. */
export interface TimelineEntry {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** `created`, `seen`, `ended`, or the type of an event. */
  readonly type: string
  readonly text: string
  readonly details: EventDetails
}

/** Returns the timeline of a session, from its record and from buffered events. */
export function timelineOf (session: SessionRecord | EndedSession, events: readonly SessionEvent[]): TimelineEntry[] {
  const own = events.filter(event => event.id === session.id && event.type !== 'created' && event.type !== 'ended')
  const told = (type: string): boolean => own.some(event => event.type === type)
  const entries = hasEnded(session) ? ofEnded(session) : ofLive(session).filter(({ type }) => !told(type))
  // the last request is shown after its effects
  return [...entries, ...own.map(ofEvent)].sort((a, b) => a.at - b.at || place(a) - place(b))
}

/** Returns the order of entries with the same timestamp. */
function place ({ type }: TimelineEntry): number {
  return type === 'created' ? 0 : type === 'seen' ? 2 : type === 'ended' ? 3 : 1
}

function ofLive (record: SessionRecord): TimelineEntry[] {
  const {
    createdAt, authenticatedAt, methods, generation, rotatedAt, lastSeenAt, requestCount, ip, device, firstIp, firstUserAgent, remembered
  } = record
  return [
    entry(createdAt, 'created', { ip: firstIp, ...deviceDetails(deviceOf(firstUserAgent)), remembered, methods }),
    ...authenticatedAt === null || authenticatedAt === createdAt
      ? []
      : [entry(authenticatedAt, 'reauthenticated', { methods })],
    ...generation === 0 ? [] : [entry(rotatedAt, 'rotated', { generation })],
    seen(lastSeenAt, { requestCount, ip, ...deviceDetails(device) })
  ]
}

function ofEnded ({ createdAt, lastSeenAt, endedAt, requestCount, ip, device, reason, by, remembered }: EndedSession): TimelineEntry[] {
  return [
    entry(createdAt, 'created', { remembered }),
    seen(lastSeenAt, { requestCount, ip, ...deviceDetails(device) }),
    entry(endedAt, 'ended', { reason, by })
  ]
}

function deviceDetails (device: Device): EventDetails {
  return { device, deviceLabel: deviceLabel(device) }
}

function seen (at: number, details: EventDetails): TimelineEntry {
  return { at, type: 'seen', text: 'last seen', details }
}

function entry (at: number, type: 'created' | 'reauthenticated' | 'rotated' | 'ended', details: EventDetails): TimelineEntry {
  return { at, type, text: eventMeanings[type].text, details }
}

function ofEvent (event: SessionEvent): TimelineEntry {
  return { at: event.at, type: event.type, text: eventMeanings[event.type].text, details: plainDetails(event) }
}
