import { expiresAt, expiryReason, noData, toEnded } from '../../model/record.ts'
import type { EncodedData, EndedSession, EndReason, SessionRecord } from '../../model/record.ts'

/**
 * How a session lies in a hash. Every value has at most 64 bytes, so that Redis keeps the hash as one compact list (427 bytes a session
 * against 1,202 with one longer value): longer texts lie in pieces (`a`, `1a`, `2a`, …), and only those past 512 bytes, for which a
 * table costs little, stand whole.
 *
 * `u` user · `t` createdAt, absoluteAt, idle, remembered, authenticatedAt · `l` lastSeenAt · `n` requests · `g` generation, rotatedAt,
 * confirmedAt · `h` hash · `p` hash before · `m` methods · `d` device · `w` name · `j` first address, `i` the last if another · `b` first agent, `a`
 * the last if another · `=key` data. What is absent is null or empty.
 */
export type Fields = ReadonlyMap<string, string>

const piece = 64
const longest = 512
const shortestPiece = Math.floor((piece - 3) / 3)
const zero = 48
const space = 32 - zero
// what an address or agent of its own says if it is null: neither has control characters
const nothing = '\0'

/** The fields that never depend on the server's time, as names and values. */
export function toFields (record: SessionRecord): string[] {
  const fields = ['h', record.hash, 'n', String(record.requests)]
  if (record.previousHash !== null) fields.push('p', record.previousHash)
  put(fields, 'u', record.userId)
  put(fields, 'j', record.firstIp)
  put(fields, 'b', record.firstAgent)
  if (record.ip !== record.firstIp) put(fields, 'i', record.ip ?? nothing)
  if (record.agent !== record.firstAgent) put(fields, 'a', record.agent ?? nothing)
  put(fields, 'd', record.device)
  put(fields, 'w', record.name)
  if (record.methods !== '') put(fields, 'm', record.methods)
  for (const [key, value] of Object.entries(record.data)) put(fields, `=${key}`, value)
  return fields
}

/** Adds a text in pieces; null adds nothing. */
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

/** A reply to HGETALL, whichever form the client gives it: names and values in a row, or an object. */
export function toReply (reply: unknown): Fields {
  const fields = new Map<string, string>()
  if (Array.isArray(reply)) {
    for (let n = 0; n < reply.length; n += 2) fields.set(String(reply[n]), String(reply[n + 1]))
  } else {
    for (const name in reply as Record<string, string>) fields.set(name, (reply as Record<string, string>)[name] as string)
  }
  return fields
}

/** What an answer says of a session: its fields, what is left of it as JSON, or nothing. */
export function toFound (id: string, answer: unknown, now: number): SessionRecord | EndedSession | null {
  return typeof answer === 'string' ? toLeft(answer) : toSession(id, toReply(answer), now)
}

/** What is left of a session that ended: the JSON that shared.lua writes. */
export function toLeft (json: string): EndedSession {
  const [id, userId, reason, by, createdAt, lastSeenAt, endedAt, requests, remembered, ip, device, name] = JSON.parse(json) as Left
  return { id, userId, reason, by, createdAt, lastSeenAt, endedAt, requests, remembered: remembered === 1, ip, device, name }
}

type Left = [
  id: string, userId: string | null, reason: EndReason, by: string | null, createdAt: number, lastSeenAt: number, endedAt: number,
  requests: number, remembered: number, ip: string | null, device: string | null, name: string | null
]

/** The session that a hash holds; one that is over is what is left of it, swept or not. `null`: there is none, or nobody can tell what it is. */
export function toSession (id: string, fields: Fields, now: number): SessionRecord | EndedSession | null {
  const [createdAt, absoluteAt, idle, remembered, authenticatedAt] = numbers(fields, 't')
  const lastSeenAt = Number(fields.get('l'))
  const requests = Number(fields.get('n'))
  if (createdAt === undefined || absoluteAt === undefined || idle === undefined || Number.isNaN(lastSeenAt + requests)) return null
  const firstIp = textOf(fields, 'j')
  const ip = lastOf(fields, 'i', firstIp)
  const [generation, rotatedAt, confirmedAt] = numbers(fields, 'g')
  const hash = fields.get('h')
  if (generation === undefined || rotatedAt === undefined || hash === undefined) return null
  const firstAgent = textOf(fields, 'b')
  const record: SessionRecord = {
    id,
    userId: textOf(fields, 'u'),
    generation,
    hash,
    previousHash: fields.get('p') ?? null,
    rotatedAt,
    confirmedAt: confirmedAt ?? null,
    authenticatedAt: authenticatedAt ?? null,
    methods: textOf(fields, 'm') ?? '',
    createdAt,
    lastSeenAt,
    idle,
    absoluteAt,
    requests,
    remembered: remembered === 1,
    ip,
    agent: lastOf(fields, 'a', firstAgent),
    firstIp,
    firstAgent,
    device: textOf(fields, 'd'),
    name: textOf(fields, 'w'),
    data: dataOf(fields)
  }
  const deadline = expiresAt(record)
  return now < deadline ? record : toEnded(record, { reason: expiryReason(record), by: null, at: deadline })
}

/** Whole numbers in one field; `-` is undefined, and so is what is missing. No pattern and no parts: a read has eight of them. */
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
  // what goes on has a first piece of 61 bytes or more, three of which are one character at most: no look-up for a further one
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
