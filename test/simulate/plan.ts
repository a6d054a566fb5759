/** Random numbers that a seed repeats (mulberry32). */
export function randomFrom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000
  }
}

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

/** One request of a browser: when it is sent, reaches the server and is answered. */
export interface PlannedRequest {
  readonly sentAt: number
  readonly servedAt: number
  readonly answeredAt: number
  /** The answer never comes: the server has done its work, and the browser keeps what it had. */
  readonly lost: boolean
  /** How long a cookie that this answer brings is in memory only. */
  readonly diskAfter: number
}

/** The browser is gone without a word; what it had not written to disk is lost. */
export interface PlannedCrash {
  readonly at: number
  readonly backAt: number
}

/** What one browser does over months, whatever the server answers: the same for each policy. */
export interface Plan {
  readonly requests: readonly PlannedRequest[]
  readonly crashes: readonly PlannedCrash[]
}

export interface PlanOptions {
  readonly restores: number
  /** How many of a hundred answers are lost, and of a hundred visits end in a crash. */
  readonly lost: number
  readonly crashed: number
}

/** Chromium writes changed cookies each 30 seconds (SQLitePersistentCookieStore, kCommitInterval). */
const diskLag = 30 * second

/** A user who comes back so many times: several pages in several tabs, each with one to six requests at once. */
export function planFor (random: () => number, { restores, lost, crashed }: PlanOptions): Plan {
  const requests: PlannedRequest[] = []
  const crashes: PlannedCrash[] = []
  let now = 0
  for (let visit = 0; visit < restores; visit++) {
    now += pause(random)
    const pages = 1 + Math.floor(-Math.log(1 - random()) * 1.6)
    const start = now
    for (let page = 0; page < Math.min(pages, 12); page++) {
      now += exponential(random, 40 * second)
      const parallel = 1 + Math.floor(random() * 6)
      for (let i = 0; i < parallel; i++) requests.push(request(random, now + random() * 300, lost))
    }
    if (random() * 100 < crashed) {
      // a crash comes when there is something to do, or a while after
      const at = start + random() * (now - start + 20 * second)
      const backAt = at + (random() < 0.5 ? 5 * second + random() * 10 * minute : 30 * minute + random() * 2 * day)
      crashes.push({ at, backAt })
      now = Math.max(now, backAt)
    }
  }
  const gone = (at: number): boolean => crashes.some(crash => at >= crash.at && at < crash.backAt)
  return { requests: requests.filter(({ sentAt }) => !gone(sentAt)), crashes }
}

function request (random: () => number, sentAt: number, lost: number): PlannedRequest {
  const servedAt = sentAt + 10 + random() * 300
  // one of fifty takes long: an upload, a report, a long poll
  const work = random() < 0.02 ? random() * 25 * second : random() * 2 * second
  return { sentAt, servedAt, answeredAt: servedAt + 20 + work, lost: random() * 100 < lost, diskAfter: random() * diskLag }
}

/** Until the next visit: half within two hours, half within three days. */
function pause (random: () => number): number {
  return random() < 0.5 ? 10 * minute + random() * 2 * hour : 4 * hour + random() * 68 * hour
}

export function exponential (random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean
}
