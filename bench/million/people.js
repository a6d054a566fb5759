import { readRows } from '../../dist/routes/admin/row-reader.js'
import { Bucket, toCountedEvent } from '../../dist/lib/statistics/bucket.js'
import { deviceOf } from '../../dist/lib/model/user-agent.js'
import { endReasons } from '../../dist/lib/model/record.js'
import { day, newRecord } from '../record.js'

const agents = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36'
]

/**
 * One of `total` sessions of the last ten days: ten a user, every hundredth a guest's, every third remembered, every tenth from an IPv6
 * address, the others from all over 10.0.0.0/8, every twentieth named, 0 to 999 requests.
 */
export function person (i, total, now) {
  const createdAt = Math.floor(now - 10 * day * (total - i) / total)
  const userAgent = agents[i % agents.length]
  const at = Math.imul(i, 0x9e3779b1) >>> 0
  const ip =
    i % 10 === 9
      ? `2001:db8:${at >>> 24}::${((at & 0xffff) | 1).toString(16)}`
      : `10.${at >>> 24}.${(at >>> 16) & 255}.${(at >>> 8) & 255}`
  return newRecord(i % 100 === 99 ? null : `user ${i % Math.ceil(total / 10)}`, {
    createdAt,
    lastSeenAt: Math.floor(createdAt + (now - createdAt) * (i * 7919 % 1000) / 1000),
    idleTimeout: 12 * day,
    absoluteExpiresAt: createdAt + (i % 3 === 0 ? 30 : 14) * day,
    requestCount: i * 31 % 1000,
    remembered: i % 3 === 0,
    ip,
    firstIp: ip,
    userAgent,
    firstUserAgent: userAgent,
    device: deviceOf(userAgent),
    deviceName: i % 20 === 0 ? 'Work laptop' : null
  })
}

/** Why the `i`th one ended. */
export function why (i) { return { reason: endReasons[i % endReasons.length], by: i % 2 === 0 ? 'admin' : null } }

/** Rows to import, as an upload brings them: NDJSON in chunks of 64 KiB, written beforehand. */
export function upload (count, now) {
  const chunks = []
  let text = ''
  for (let i = 0; i < count; i++) {
    const record = person(i, count, now)
    text += `${JSON.stringify(record)}\n`
    if (text.length < 65_536 && i < count - 1) continue
    chunks.push(Buffer.from(text))
    text = ''
  }
  return () => readRows((async function * () { yield * chunks })(), 'ndjson')
}

/** The numbers that two nodes would have written in 32 days of work, a slice for each hour, and for each five minutes of the last two hours. */
export function * slices (now) {
  for (const [interval, reach] of [[3_600_000, 32 * day], [300_000, 7_200_000]]) {
    const bucket = new Bucket(0, interval)
    for (let i = 0; i < 500; i++) {
      const { id, userId, ip, device, remembered } = person(i * 97, 100_000, now)
      bucket.count(toCountedEvent({ type: 'created', at: now, id, userId, ip, device, deviceLabel: '', remembered, methods: ['password'] }))
    }
    for (let start = Math.floor(now / interval) * interval; start > now - reach; start -= interval) {
      for (const node of ['one', 'two']) yield { ...bucket.toSlice(node), start, until: start + reach }
    }
  }
}
