// what a cache keeps when more is in use than fits; bench/cache-policies.js has the hit rates
import t from 'tap'
import { BoundedCache } from '../../lib/token/bounded-cache.ts'
import type { CacheEntry } from '../../lib/token/bounded-cache.ts'
import { TokenTable, hashOf } from '../../lib/token/token-table.ts'
import type { TableEntry } from '../../lib/token/token-table.ts'

interface Entry extends CacheEntry, TableEntry {}

const keyOf = (i: number): string => `the key of item ${String(i).padStart(12, '0')} `
const entry = (key: string, bytes = 0): Entry => ({ key, keyHash: hashOf(key), bytes, used: false, slot: 0 })
const newCache = (limits: { max?: number; maxBytes?: number }): BoundedCache<Entry> =>
  new BoundedCache<Entry>(limits, () => new TokenTable())

/** Uses a key as a reader does: what is missing is added. Returns whether it was there. */
function use (cache: BoundedCache<Entry>, i: number, bytes = 0): boolean {
  const key = keyOf(i)
  if (cache.get(key) !== undefined) return true
  cache.add(entry(key, bytes))
  return false
}

/** The share of hits in the second half of uses of keys. */
function hitRate (cache: BoundedCache<Entry>, count: number, keyAt: (i: number) => number): number {
  let hits = 0
  for (let i = 0; i < count; i++) if (use(cache, keyAt(i)) && i >= count / 2) hits++
  return hits / (count / 2)
}

t.test('everything that fits is found', async t => {
  t.equal(hitRate(newCache({ max: 1000 }), 10_000, i => i % 1000), 1)
})

t.test('a rotation through more than fits finds nearly its share, and keeps to the limit', async t => {
  for (const active of [1100, 2000, 3000]) {
    const cache = newCache({ max: 1000 })
    const rate = hitRate(cache, 60_000, i => i % active)
    t.ok(rate > 0.9 * 1000 / active && rate <= 1000 / active, `${active}: ${rate}`)
    t.equal(cache.size, 1000)
  }
})

t.test('values that are used once push out hardly anything that is used', async t => {
  const cache = newCache({ max: 1000 })
  for (let i = 0; i < 5000; i++) use(cache, i % 900)
  let misses = 0
  for (let i = 0; i < 20_000; i++) {
    use(cache, 1_000_000 + i)
    if (!use(cache, i % 900)) misses++
  }
  t.ok(misses < 20_000 * 0.02, `${misses} of 20,000`)
})

t.test('a newcomer is found while it comes again soon, and others take the places of those that are not used', async t => {
  const cache = newCache({ max: 1000 })
  for (let i = 0; i < 5000; i++) use(cache, i % 1000)
  t.strictSame([1, 2, 3].map(() => use(cache, 5_000_000)), [false, true, true])
  for (let i = 0; i < 5000; i++) use(cache, 6_000_000 + i)
  t.ok(use(cache, 5_000_000), 'used on probation, it stayed')
  t.equal(hitRate(cache, 20_000, i => 10_000 + i % 900), 1)
})

t.test('bytes are counted, and a value that is larger than all is not kept', async t => {
  const cache = newCache({ maxBytes: 10_000 })
  for (let round = 0; round < 50; round++) for (let i = 0; i < 200; i++) use(cache, i, 100)
  t.equal(cache.bytes, 10_000)
  t.equal(cache.size, 100)
  use(cache, 999, 10_001)
  t.notOk(cache.peek(keyOf(999)))
  // a large one takes the places of several
  use(cache, 998, 1000)
  t.ok(cache.peek(keyOf(998)))
  t.ok(cache.bytes <= 10_000 && cache.size <= 91, `${cache.bytes} bytes, ${cache.size} entries`)
  cache.delete(keyOf(998))
  cache.delete('unknown key')
  cache.clear()
  t.strictSame([cache.bytes, cache.size], [0, 0])
  t.notOk(use(cache, 1))
})

t.test('large values leave room for the newest, wherever the others are', async t => {
  const cache = newCache({ maxBytes: 1000 })
  for (let i = 0; i < 100; i++) use(cache, i, 10)
  for (let i = 200; i < 204; i++) {
    use(cache, i, 990)
    t.ok(cache.peek(keyOf(i)))
    t.ok(cache.bytes <= 1000)
  }
  cache.add(entry(keyOf(203), 1001))
  t.strictSame([cache.bytes, cache.peek(keyOf(203))], [cache.size === 0 ? 0 : cache.bytes, undefined])
})

t.test('a newcomer that is not on probation survives until the hand has passed all others', async t => {
  const cache = newCache({ max: 100 })
  for (let i = 0; i < 300; i++) use(cache, i % 100)
  for (let n = 0; n < 64; n++) cache.add(entry(keyOf(1000 + n)))
  const kept = Array.from({ length: 64 }, (_, n) => 1000 + n).filter(n => cache.peek(keyOf(n)) !== undefined)
  t.strictSame([kept.length, kept.at(-1)], [5, 1063], 'four on probation, and the 64th')
  for (let i = 0; i < 100; i++) use(cache, i)
  t.ok(cache.peek(keyOf(1063)))
})

t.test('a value takes the place of the one with its key, and uses are counted', async t => {
  const cache = newCache({ max: 10 })
  const first = cache.add(entry(keyOf(1), 5))
  const second = cache.add(entry(keyOf(1), 7))
  t.not(first, second)
  t.equal(cache.get(keyOf(1)), second)
  t.equal(cache.peek(keyOf(2)), undefined)
  t.equal(cache.get(keyOf(2)), undefined)
  t.strictSame(cache.counts, { hits: 1, misses: 1, entries: 1, bytes: 7 })
})

t.test('without a table of its own it has a Map, and short keys are keys, too', async t => {
  const cache = new BoundedCache<CacheEntry>({ max: 2 })
  for (const key of ['', 'a', 'b', 'b', 'b']) if (cache.get(key) === undefined) cache.add({ key, bytes: 0, used: false, slot: 0 })
  t.equal(cache.size, 2)
  t.ok(cache.get('b'))
})

t.test('any mixture of additions, deletions and uses keeps entries, table and bytes in step', async t => {
  const cache = newCache({ max: 50, maxBytes: 3000 })
  let seed = 1
  const random = (below: number): number => { seed = (seed * 48_271) % 0x7fffffff; return seed % below }
  for (let i = 0; i < 20_000; i++) {
    const n = random(120)
    if (random(10) === 0) cache.delete(keyOf(n))
    else use(cache, n, 20 + n)
    if (i % 100 === 0) {
      const found = Array.from({ length: 120 }, (_, n) => cache.peek(keyOf(n))?.bytes ?? 0).filter(bytes => bytes > 0)
      t.strictSame([cache.bytes, cache.size], [found.reduce((sum, bytes) => sum + bytes, 0), found.length])
    }
    if (cache.bytes > 3000 || cache.size > 50) t.fail('over a limit')
  }
})
