import { parseQuery } from '../../lib/admin/query.ts'
import type { QueryInput } from '../../lib/admin/query.ts'
import { toCookieAttributes } from '../../lib/cookie/attributes.ts'
import { SessionCookie } from '../../lib/cookie/cookie.ts'
import { importSessions } from '../../lib/manager/transfer.ts'
import { encodeData } from '../../lib/model/data.ts'
import { compileFilter } from '../../lib/model/filter.ts'
import { IpAnonymizer, ipGroupOf, canonicalIp } from '../../lib/model/ip-address.ts'
import { deviceLabel, toDevice } from '../../lib/model/device.ts'
import { sanitizeUserAgent, deviceOf } from '../../lib/model/user-agent.ts'
import { toUserId } from '../../lib/model/user-id.ts'
import { decodeCursor, decodePosition, encodeCursor } from '../../lib/stores/cursor.ts'
import { memoryStore } from '../../lib/stores/memory.ts'
import { decodeToken, encodeToken, hashVerifier, isId, newId, newVerifier } from '../../lib/token/token.ts'
import { readRows } from '../../routes/admin/row-reader.ts'
import type { Hostile } from './hostile.ts'
import { plainRecord } from '../helpers/records.ts'

/** One way into the code for what strangers send. Throws an `Error` of its own if what comes out breaks a promise. */
export interface Unit {
  readonly name: string
  /** How many of a thousand inputs go here. */
  readonly share: number
  /** Makes an input. */
  readonly make: (hostile: Hostile) => unknown
  /** Feeds it in. */
  readonly feed: (input: never) => unknown
}

const now = Date.UTC(2026, 0, 1)
const token = encodeToken({ generation: 3, id: newId(1, now), verifier: newVerifier() })
const jar = new SessionCookie(toCookieAttributes({}), ['a secret of the fuzzer, which is long enough'])
const cookie = jar.write(token).split(';', 1).join('')
const addresses = (['full', 'truncate', 'hmac'] as const).map(mode => new IpAnonymizer(mode, [Buffer.alloc(32)]))
const scope = { list: 'live', filter: {}, order: 'newest' } as const
const cursor = encodeCursor(scope, [now, newId(1, now)])
const record = plainRecord({
  id: newId(1, now),
  hash: hashVerifier(newVerifier()),
  rotatedAt: now,
  createdAt: now,
  authenticatedAt: now,
  lastSeenAt: now,
  absoluteExpiresAt: now + 5000,
  ip: '192.0.2.1',
  userAgent: 'x',
  device: toDevice('Firefox 1|Linux|desktop'),
  deviceName: 'İ',
  data: {}
})
const agents = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  'curl/8.5.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0',
  'Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)'
] as const
const filterKeys = [
  'userId',
  'state',
  'reason',
  'remembered',
  'guest',
  'ip',
  'browser',
  'os',
  'createdAfter',
  'lastSeenBefore',
  'expiresAfter',
  'endedBefore',
  'minRequests',
  'search',
  'at'
] as const
const fields = [...Object.keys(record), 'reason', 'expiresAt', '__proto__']

export const units: readonly Unit[] = [
  { name: 'cookie header', share: 240, make: hostile => hostile.text([cookie, `a=b; ${cookie}`, `${cookie}; ${cookie}`, '__Host-sid=', cookie.slice(0, -1)]), feed: (text: string) => jar.read(text) },
  {
    name: 'token', share: 160, make: hostile => hostile.text([token, token.slice(0, 67), `${token}A`]),
    feed (text: string) {
      const decoded = decodeToken(text)
      if (decoded !== null && encodeToken(decoded) !== text) throw new Error('two texts are one token')
      return decoded
    }
  },
  { name: 'id', share: 80, make: hostile => hostile.text([record.id]), feed: (text: string) => isId(text) && Buffer.from(text, 'base64url').toString('base64url') !== text ? fail('two texts are one id') : null },
  { name: 'user id', share: 60, make: hostile => hostile.chance(5) ? hostile.value() : hostile.text(['ada', '42']), feed: (value: unknown) => toUserId(value) },
  { name: 'cursor', share: 110, make: hostile => hostile.text([cursor, Buffer.from('[1,2]').toString('base64url')]), feed: (text: string) => { decodePosition(scope, text); return decodeCursor(scope, text) } },
  {
    name: 'filter', share: 90,
    make: hostile => Object.fromEntries(Array.from({ length: 1 + hostile.below(4) }, () => [filterKeys[hostile.below(filterKeys.length)] ?? 'ip', hostile.text(['ada', '192.0.2.0/24', '2001:db8::/32', '2026-01-01T00:00:00Z', '1767225600000', 'revoked', 'live'])])),
    feed: (input: QueryInput) => compileFilter(parseQuery(input).filter)(record)
  },
  {
    name: 'address', share: 120, make: hostile => hostile.text(['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', 'fe80::1%eth0', '2001:DB8:0:0:0:0:0:1', '::', '::1']),
    feed (raw: string) {
      const address = canonicalIp(raw)
      if (address !== null && canonicalIp(address) !== address) throw new Error('an address has two forms')
      if (address !== null) ipGroupOf(address)
      return addresses.map(mode => mode.apply(raw))
    }
  },
  {
    name: 'user agent', share: 60, make: hostile => hostile.text(agents),
    feed (header: string) {
      const agent = sanitizeUserAgent(header)
      if (agent !== null && Buffer.byteLength(agent) > 512) throw new Error('an agent is too long')
      const device = deviceOf(agent)
      if (Object.keys(device).length !== 4) throw new Error('a device has not four parts')
      return deviceLabel(device)
    }
  },
  { name: 'data', share: 50, make: hostile => hostile.object(), feed: (data: Record<string, unknown>) => encodeData(data) },
  {
    name: 'import', share: 30,
    make: hostile => hostile.chance(3) ? hostile.text([`${JSON.stringify(record)}\n`, '[{},{"id":1}]', '{"a":"\\u0000"}\n{}']) : `${JSON.stringify({ ...record, ...hostile.object(0, fields) })}\n`,
    async feed (text: string) {
      const bytes = Buffer.from(text)
      for (const format of ['ndjson', 'json'] as const) {
        await importSessions(target, readRows(chunks(bytes), format), { now: () => now, onEnded: () => {}, dryRun: true })
      }
    }
  }
]

const target = memoryStore()

async function * chunks (bytes: Buffer): AsyncGenerator<Buffer> {
  // cut where it hurts: in the middle of characters and escapes
  for (let from = 0; from < bytes.length; from += 7 + bytes.length % 50) yield bytes.subarray(from, from + 7 + bytes.length % 50)
}

function fail (what: string): never { throw new Error(what) }
