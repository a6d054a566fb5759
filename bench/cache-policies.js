// node bench/cache-policies.js (after npm run build): which sessions a cache should keep, as shares of hits
import { BoundedCache } from '../dist/lib/token/bounded-cache.js'
import { TokenTable, hashOf } from '../dist/lib/token/token-table.js'

const max = 10_000
const uses = Number(process.argv[2] ?? 400_000)
/** The first half fills the cache. */
const from = uses / 2

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
function randomFrom (seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32
  }
}

/** Ranks of `count` sessions, the n-th as frequent as 1 / n^s. */
function zipf (count, s, random) {
  const sums = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) sums[i] = sum += 1 / (i + 1) ** s
  return () => {
    const wanted = random() * sum
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle] < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Sessions that come, make `requests` requests on average while `active` others are there, and go. */
function bursts (active, requests, random) {
  const present = Array.from({ length: active }, (_, i) => i)
  let next = active
  return () => {
    const place = Math.floor(random() * active)
    const session = present[place]
    if (random() < 1 / requests) present[place] = next++
    return session
  }
}

/** Sign-ins whose sessions make `requests` requests within the next hundred uses and then no more, between other uses. */
function withSignIns (share, requests, others, random) {
  const soon = []
  let next = 1_000_000
  return i => {
    if (soon[0]?.at <= i) return soon.shift().session
    if (random() * requests >= share) return others()
    const session = next++
    for (let n = 1; n < requests; n++) soon.push({ at: i + n * Math.floor(100 / requests), session })
    soon.sort((a, b) => a.at - b.at)
    return session
  }
}

const traces = {
  'Zipf 0.8, 3 × max sessions': random => zipf(3 * max, 0.8, random),
  'Zipf 0.9, 3 × max': random => zipf(3 * max, 0.9, random),
  'Zipf 0.9, 10 × max': random => zipf(10 * max, 0.9, random),
  'rotation of 0.9 × max': () => i => i % (0.9 * max),
  'rotation of 1.1 × max': () => i => i % (1.1 * max),
  'rotation of 2 × max': () => i => i % (2 * max),
  'rotation of 3 × max': () => i => i % (3 * max),
  'Zipf 0.9, 3 × max; half are sign-ins, seen once': random => withSignIns(0.5, 1, zipf(3 * max, 0.9, random), random),
  'Zipf 0.9, 3 × max; half are sign-ins, seen 4 times': random => withSignIns(0.5, 4, zipf(3 * max, 0.9, random), random),
  'people, 20 requests each, 0.8 × max at once': random => bursts(0.8 * max, 20, random),
  'people, 20 requests each, 1.5 × max at once': random => bursts(1.5 * max, 20, random),
  'Zipf 0.9, 3 × max, all replaced three times': random => { const next = zipf(3 * max, 0.9, random); return i => next() + Math.floor(i * 4 / uses) * 1e6 }
}

/** The least recently used goes. */
class Lru {
  table = new Map()
  use (key) {
    const known = this.table.delete(key)
    if (!known && this.table.size >= max) this.table.delete(this.table.keys().next().value)
    this.table.set(key, true)
    return known
  }
}

/** What this package had before: two generations of half the size, of which the older one goes as a whole. */
class TwoGenerations {
  recent = new Set()
  previous = new Set()
  use (key) {
    if (this.recent.has(key)) return true
    const known = this.previous.has(key)
    if (this.recent.size >= max / 2) [this.previous, this.recent] = [this.recent, new Set()]
    this.recent.add(key)
    return known
  }
}

/** SIEVE (Zhang and others, NSDI 2024): a hand from the oldest to the newest, which spares what was used since. */
class Sieve {
  table = new Map()
  newest = null
  oldest = null
  hand = null
  use (key) {
    const known = this.table.get(key)
    if (known !== undefined) { known.used = true; return true }
    if (this.table.size >= max) this.evict()
    const entry = { key, used: false, newer: null, older: this.newest }
    if (this.newest !== null) this.newest.newer = entry
    this.newest = entry
    this.oldest ??= entry
    this.table.set(key, entry)
    return false
  }

  evict () {
    let entry = this.hand ?? this.oldest
    while (entry.used) { entry.used = false; entry = entry.newer ?? this.oldest }
    this.hand = entry.newer
    if (entry.newer === null) this.newest = entry.older
    else entry.newer.older = entry.older
    if (entry.older === null) this.oldest = entry.newer
    else entry.older.newer = entry.newer
    this.table.delete(entry.key)
  }
}

/** S3-FIFO (Yang and others, SOSP 2023): a tenth for newcomers, and a list of those that went. */
class S3Fifo {
  small = new Queue()
  main = new Queue()
  gone = new Queue()
  use (key) {
    const entry = this.small.table.get(key) ?? this.main.table.get(key)
    if (entry !== undefined) { entry.used = Math.min(3, entry.used + 1); return true }
    while (this.small.table.size + this.main.table.size >= max) this.evict()
    if (this.gone.table.delete(key)) this.main.push(key, { used: 0 })
    else this.small.push(key, { used: 0 })
    return false
  }

  evict () {
    while (this.small.table.size >= max / 10) {
      const [key, entry] = this.small.shift()
      if (entry.used > 1) { this.main.push(key, { used: 0 }); continue }
      this.gone.push(key, true)
      if (this.gone.table.size > 0.9 * max) this.gone.shift()
      return
    }
    for (;;) {
      const [key, entry] = this.main.shift()
      if (entry.used === 0) return
      entry.used--
      this.main.push(key, entry)
    }
  }
}

/** First in, first out; a Map alone takes ever longer to find its first key. */
class Queue {
  table = new Map()
  keys = []
  start = 0
  push (key, value) { this.table.set(key, value); this.keys.push(key) }
  shift () {
    for (;;) {
      const key = this.keys[this.start++]
      if (this.start > 50_000) { this.keys = this.keys.slice(this.start); this.start = 0 }
      const value = this.table.get(key)
      if (value !== undefined) { this.table.delete(key); return [key, value] }
    }
  }
}

/** The cache of this package. */
class Ours {
  cache = new BoundedCache({ max }, () => new TokenTable())
  use (key) {
    if (this.cache.get(key) !== undefined) return true
    this.cache.add({ key, keyHash: hashOf(key), bytes: 0, used: false, slot: 0 })
    return false
  }
}

const keys = new Map()
function keyOf (number) {
  let key = keys.get(number)
  if (key === undefined) keys.set(number, key = String(Math.imul(number, 0x9e3779b1) >>> 0).padStart(12, '0') + ' ')
  return key
}

/** The optimum for who knows the future (Belady): what is used again latest goes, or does not enter. */
function belady (trace) {
  const next = new Float64Array(trace.length)
  const last = new Map()
  for (let i = trace.length - 1; i >= 0; i--) {
    // different, so that no two compare as equal
    next[i] = last.get(trace[i]) ?? trace.length + i
    last.set(trace[i], i)
  }
  const held = new Map()
  const heap = []
  let hits = 0
  for (const [i, key] of trace.entries()) {
    if (held.has(key)) {
      if (i >= from) hits++
    } else if (held.size >= max) {
      while (held.get(heap[0].key) !== heap[0].next) pop(heap)
      if (heap[0].next <= next[i]) continue
      held.delete(pop(heap).key)
    }
    held.set(key, next[i])
    push(heap, { key, next: next[i] })
  }
  return hits
}

/** The optimum for who knows how frequent each session is, and not what comes next: the most frequent are held. */
function mostFrequent (trace) {
  const counts = new Map()
  for (const key of trace) counts.set(key, (counts.get(key) ?? 0) + 1)
  const held = new Set([...counts].sort(([, a], [, b]) => b - a).slice(0, max).map(([key]) => key))
  return trace.slice(from).filter(key => held.has(key)).length
}

function push (heap, item) {
  let at = heap.push(item) - 1
  for (let parent = (at - 1) >> 1; at > 0 && heap[parent].next < item.next; at = parent, parent = (at - 1) >> 1) heap[at] = heap[parent]
  heap[at] = item
}

function pop (heap) {
  const [top] = heap
  const item = heap.pop()
  if (heap.length === 0) return top
  let at = 0
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (heap[child + 1]?.next > heap[child].next) child++
    if (heap[child].next <= item.next) break
    heap[at] = heap[child]
    at = child
  }
  heap[at] = item
  return top
}

const policies = { 'two generations': TwoGenerations, LRU: Lru, SIEVE: Sieve, 'S3-FIFO': S3Fifo, 'this package': Ours }
const columns = [...Object.keys(policies), 'most frequent', 'Belady']
console.log(`Hits in % of the last ${from.toLocaleString('en')} of ${uses.toLocaleString('en')} uses, room for ${max.toLocaleString('en')}\n`)
console.log(`| trace | ${columns.join(' | ')} |\n|---|${'--:|'.repeat(columns.length)}`)
const took = new Map()
for (const [name, newTrace] of Object.entries(traces)) {
  const trace = Array.from({ length: uses }, (_, i) => i).map(newTrace(randomFrom(42)))
  const results = Object.entries(policies).map(([name, Policy]) => {
    const policy = new Policy()
    const texts = name === 'this package' ? trace.map(keyOf) : trace
    const { user } = process.cpuUsage()
    let hits = 0
    for (let i = 0; i < uses; i++) if (policy.use(texts[i]) && i >= from) hits++
    took.set(name, (took.get(name) ?? 0) + process.cpuUsage().user - user)
    return hits
  })
  keys.clear()
  console.log(`| ${name} | ${[...results, mostFrequent(trace), belady(trace)].map(hits => (100 * hits / (uses - from)).toFixed(1)).join(' | ')} |`)
}
console.log(`| CPU, ns a use | ${[...took.values()].map(us => Math.round(us * 1000 / uses / Object.keys(traces).length)).join(' | ')} | | |`)
