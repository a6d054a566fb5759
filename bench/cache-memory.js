// node --expose-gc bench/cache-memory.js (after npm run build): the memory of a cached session, beside what the cache counts for it
import { newRecordCache, CachedRecord } from '../dist/lib/stores/cached-record.js'
import { newRecord } from './record.js'

const count = 50_000
const user = JSON.stringify({ id: 'user 1', email: 'someone.with.a.name@example.com', name: 'Someone With A Name', roles: ['reader', 'writer'], locale: 'en-GB', theme: 'dark' })

for (const [name, dataOf] of [['no data', () => ({})], ['an object of 150 bytes', i => ({ user: `${user.slice(0, -1)},"n":${i}}` })]]) {
  const cache = newRecordCache({ maxBytes: 1e9 })
  globalThis.gc()
  const before = process.memoryUsage().heapUsed
  // texts of their own, as a store's client makes them
  for (let i = 0; i < count; i++) cache.add(new CachedRecord(ownTexts({ ...newRecord(`user ${i}`), data: dataOf(i) })))
  globalThis.gc()
  const bytes = (process.memoryUsage().heapUsed - before) / count
  console.log(`${name}: ${Math.round(bytes)} bytes in the heap, ${Math.round(cache.bytes / count)} counted`)
}

function ownTexts (record) {
  const { ip, userAgent } = record
  const own = text => Buffer.from(text).toString('latin1')
  const [ownIp, ownAgent] = [own(ip), own(userAgent)]
  const data = Object.assign(Object.create(null), Object.fromEntries(Object.entries(record.data).map(([key, text]) => [key, own(text)])))
  return { ...record, ip: ownIp, firstIp: ownIp, userAgent: ownAgent, firstUserAgent: ownAgent, data: Object.freeze(data) }
}
