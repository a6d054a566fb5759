import { expiresAt, expiryReason, noData, toEnded, toMethods, toMethodsText } from '../../model/record.ts'
import type { EncodedData, EndedSession, EndReason, SessionRecord } from '../../model/record.ts'
import type { Reply } from './client.ts'
import { toDevice, toDeviceText } from '../../model/device.ts'

/**
 * How a session is stored in a hash, with names of one letter for size. Every value has at most 64 bytes, so that Redis keeps the hash as
 * one compact list (427 bytes a session against 1,202 with one longer value): longer texts are stored in pieces (`a`, `1a`, `2a`, …), and
 * only those past 512 bytes, for which a table costs little, stand whole.
 *
 * `u` user · `t` createdAt, absoluteExpiresAt, idleTimeout, remembered, authenticatedAt · `l` lastSeenAt · `n` requestCount · `g`
 * generation, rotatedAt,
 * confirmedAt · `h` hash · `p` hash before · `m` methods · `d` device · `w` deviceName · `j` firstIp, `i` ip if it differs · `b`
 * firstUserAgent, `a`
 * userAgent if it differs · `=key` data. What is absent is null or empty.
 */
export type Fields = ReadonlyMap<string, string>

const piece = 64
const longest = 512
const shortestPiece = Math.floor((piece - 3) / 3)
const zero = 48
const space = 32 - zero
// null in an IP address or user agent that differs from the first: neither contains control characters
const nothing = '\0'

/** The fields that never depend on the server's time, as names and values. */
export function toFields (record: SessionRecord): string[] {
  const fields = ['h', record.hash, 'n', String(record.requestCount)]
  if (record.previousHash !== null) fields.push('p', record.previousHash)
  put(fields, 'u', record.userId)
  put(fields, 'j', record.firstIp)
  put(fields, 'b', record.firstUserAgent)
  if (record.ip !== record.firstIp) put(fields, 'i', record.ip ?? nothing)
  if (record.userAgent !== record.firstUserAgent) put(fields, 'a', record.userAgent ?? nothing)
  put(fields, 'd', toDeviceText(record.device))
  put(fields, 'w', record.deviceName)
  if (record.methods.length > 0) put(fields, 'm', toMethodsText(record.methods))
  for (const [key, value] of Object.entries(record.data)) put(fields, `=${key}`, value)
  return fields
}

/** Adds a text in pieces. Adds nothing for null. */
export function put (fields: string[], name: string, text: string | null): void {
  if (text === null) return
  const bytes = Buffer.byteLength(text)
  if (bytes <= piece || bytes > longest) {
    fields.push(name, text)
    return
  }
  const whole = Buffer.from(text)
  for (let n = 0, from = 0; from < bytes; n++) {
    let to = Math.min(from + piece, bytes)
    // a piece ends where a character does
    while (to < bytes && ((whole[to] as number) & 0xc0) === 0x80) to--
    fields.push(n === 0 ? name : `${n}${name}`, whole.toString('utf8', from, to))
    from = to
  }
}

/** As `put`, for an address or agent that has changed. */
export function putLast (fields: string[], name: string, text: string | null): void {
  put(fields, name, text ?? nothing)
}

/** Returns the fields of a reply to HGETALL: the client returns names and values in a row, or an object. */
export function toReply (reply: unknown): Fields {
  const fields = new Map<string, string>()
  if (Array.isArray(reply)) {
    for (let n = 0; n < reply.length; n += 2) fields.set(String(reply[n]), String(reply[n + 1]))
  } else {
    for (const name in reply as Record<string, string>) fields.set(name, (reply as Record<string, string>)[name] as string)
  }
  return fields
}

/** Returns the session of a reply: from its fields, from the JSON of its ended-session record, or `null`. */
export function toSessionOrEnded (id: string, answer: unknown, now: number): SessionRecord | EndedSession | null {
  return typeof answer === 'string' ? toEndedSession(answer) : toSession(id, toReply(answer), now)
}

/** Returns an ended-session record from the JSON that shared.lua writes. */
export function toEndedSession (json: string): EndedSession {
  const [id, userId, reason, by, createdAt, lastSeenAt, endedAt, requestCount, remembered, ip, device, deviceName] = JSON.parse(
    json
  ) as EndedFields
  return {
    id, userId, reason, by, createdAt, lastSeenAt, endedAt, requestCount, remembered: remembered === 1, ip,
    device: toDevice(device), deviceName
  }
}

type EndedFields = [
  id: string, userId: string | null, reason: EndReason, by: string | null, createdAt: number, lastSeenAt: number, endedAt: number,
  requestCount: number, remembered: number, ip: string | null, device: string | null, deviceName: string | null
]

/**
 * Returns the session that a hash contains. If it has expired, returns its ended-session record, even before cleanup. Returns `null` if the
 * hash does not exist or cannot be parsed.
 */
export function toSession (id: string, fields: Fields, now: number): SessionRecord | EndedSession | null {
  const [createdAt, absoluteExpiresAt, idleTimeout, remembered, authenticatedAt] = numbers(fields, 't')
  const lastSeenAt = Number(fields.get('l'))
  const requestCount = Number(fields.get('n'))
  if (createdAt === undefined || absoluteExpiresAt === undefined || idleTimeout === undefined || Number.isNaN(lastSeenAt + requestCount)) {
    return null
  }
  const firstIp = textOf(fields, 'j')
  const ip = lastOf(fields, 'i', firstIp)
  const [generation, rotatedAt, confirmedAt] = numbers(fields, 'g')
  const hash = fields.get('h')
  if (generation === undefined || rotatedAt === undefined || hash === undefined) return null
  const firstUserAgent = textOf(fields, 'b')
  const record: SessionRecord = {
    id,
    userId: textOf(fields, 'u'),
    generation,
    hash,
    previousHash: fields.get('p') ?? null,
    rotatedAt,
    confirmedAt: confirmedAt ?? null,
    authenticatedAt: authenticatedAt ?? null,
    methods: toMethods(textOf(fields, 'm') ?? ''),
    createdAt,
    lastSeenAt,
    idleTimeout,
    absoluteExpiresAt,
    requestCount,
    remembered: remembered === 1,
    ip,
    userAgent: lastOf(fields, 'a', firstUserAgent),
    firstIp,
    firstUserAgent,
    device: toDevice(textOf(fields, 'd')),
    deviceName: textOf(fields, 'w'),
    data: dataOf(fields)
  }
  const deadline = expiresAt(record)
  return now < deadline ? record : toEnded(record, { reason: expiryReason(record), by: null, at: deadline })
}

/**
 * Returns the whole numbers of one field; `undefined` for `-` and for missing ones. Neither a pattern nor `split`, because a read has eight
 * of them.
 */
function numbers (fields: Fields, name: string): (number | undefined)[] {
  const text = fields.get(name) ?? ''
  const found: (number | undefined)[] = []
  let from = 0
  let value = 0
  for (let at = 0; at <= text.length; at++) {
    const digit = at === text.length ? space : text.charCodeAt(at) - zero
    if (digit === space) {
      found.push(at > from && !Number.isNaN(value) ? value : undefined)
      from = at + 1
      value = 0
    } else {
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : NaN
    }
  }
  return found
}

function textOf (fields: Fields, name: string): string | null {
  let text = fields.get(name)
  if (text === undefined) return null
  // a text that continues has a first piece of 61 bytes or more, at most three of them for one character: no lookup of a second piece
  if (text.length < shortestPiece) return text
  for (let n = 1, next = fields.get(`1${name}`); next !== undefined; next = fields.get(`${++n}${name}`)) text += next
  return text
}

function lastOf (fields: Fields, name: string, first: string | null): string | null {
  const text = textOf(fields, name)
  return text === null ? first : text === nothing ? null : text
}

function dataOf (fields: Fields): EncodedData {
  let data: Record<string, string> | null = null
  for (const name of fields.keys()) {
    if (!name.startsWith('=')) continue
    data ??= Object.create(null) as Record<string, string>
    data[name.slice(1)] = textOf(fields, name) as string
  }
  return data === null ? noData : Object.freeze(data)
}

/** Reads the ended sessions of a script's reply. */
export function toEndedSessions (answer: Reply | undefined): EndedSession[] {
  return (answer as readonly string[]).map(toEndedSession)
}
