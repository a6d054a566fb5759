import { detailsOf, eventMeanings } from '../events/events.ts'
import type { EventDetails, SessionEvent } from '../events/events.ts'
import { hasEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { deviceLabel, deviceOf } from '../model/user-agent.ts'

/** One moment of a session's life. */
export interface StoryEntry {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** `created`, `seen`, `ended`, or the type of an event. */
  readonly type: string
  readonly text: string
  readonly details: EventDetails
}

/** A session's life in order, from what its record says and from events that are still kept. */
export function storyOf (session: SessionRecord | EndedSession, events: readonly SessionEvent[]): StoryEntry[] {
  const own = events.filter(event => event.id === session.id && event.type !== 'created' && event.type !== 'ended')
  const told = (type: string): boolean => own.some(event => event.type === type)
  const entries = hasEnded(session) ? ofEnded(session) : ofLive(session).filter(({ type }) => !told(type))
  // the last request comes after what it brought about
  return [...entries, ...own.map(ofEvent)].sort((a, b) => a.at - b.at || place(a) - place(b))
}

/** Among entries of one instant. */
function place ({ type }: StoryEntry): number {
  return type === 'created' ? 0 : type === 'seen' ? 2 : type === 'ended' ? 3 : 1
}

function ofLive (record: SessionRecord): StoryEntry[] {
  const { createdAt, authenticatedAt, methods, generation, rotatedAt, lastSeenAt, requests, ip, device, firstIp, firstAgent, remembered } = record
  const first = { ip: firstIp, device: deviceLabel(deviceOf(firstAgent)) }
  return [
    entry(createdAt, 'created', { ...first, remembered, methods }),
    ...authenticatedAt === null || authenticatedAt === createdAt ? [] : [entry(authenticatedAt, 'authenticated', { methods })],
    ...generation === 0 ? [] : [entry(rotatedAt, 'rotated', { generation })],
    seen(lastSeenAt, { requests, ip, device: deviceLabel(device) })
  ]
}

function ofEnded ({ createdAt, lastSeenAt, endedAt, requests, ip, device, reason, by, remembered }: EndedSession): StoryEntry[] {
  return [
    entry(createdAt, 'created', { remembered }),
    seen(lastSeenAt, { requests, ip, device: deviceLabel(device) }),
    entry(endedAt, 'ended', { reason, by })
  ]
}

function seen (at: number, details: EventDetails): StoryEntry {
  return { at, type: 'seen', text: 'last seen', details }
}

function entry (at: number, type: 'created' | 'authenticated' | 'rotated' | 'ended', details: EventDetails): StoryEntry {
  return { at, type, text: eventMeanings[type].text, details }
}

function ofEvent (event: SessionEvent): StoryEntry {
  return { at: event.at, type: event.type, text: eventMeanings[event.type].text, details: detailsOf(event) }
}
