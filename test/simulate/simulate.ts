import { day, exponential, hour, minute } from './plan.ts'
import type { Plan } from './plan.ts'
import type { Contender, Held, Server } from './policies.ts'

/** What became of one browser's months under one policy. */
export interface Outcome {
  /** How often its user had to sign in again although nobody else had the cookie. */
  readonly signedOut: number
  /** … and was told of a theft. */
  readonly alarms: number
}

/** What became of a thief. */
export interface TheftOutcome {
  /** The session was ended as stolen. */
  readonly detected: boolean
  /** How many requests of the thief were let in, and for how long. */
  readonly letIn: number
  readonly lasted: number
}

/** A thief's copy of the cookie, and when it is used. */
export interface Theft {
  readonly at: number
  readonly uses: readonly number[]
}

/** One thing that happens at the server or to the browser, in the order of time. */
interface Happening {
  readonly at: number
  readonly kind: 'sent' | 'served' | 'crash' | 'stolen' | 'used'
  readonly index: number
}

/** A browser: what it has in memory, and what on disk. */
class Jar {
  held: Held
  #disk: Held
  #answers: { at: number, held: Held, diskAt: number }[] = []
  #writes: { at: number, held: Held }[] = []

  constructor (held: Held) {
    this.held = held
    this.#disk = held
  }

  /** An answer with a cookie is on its way. */
  expect (held: Held, at: number, diskAt: number): void {
    this.#answers.push({ at, held, diskAt })
    this.#answers.sort((a, b) => a.at - b.at)
  }

  /** Takes in what has come by now. */
  pass (now: number): void {
    for (let next = this.#answers[0]; next !== undefined && next.at <= now; next = this.#answers[0]) {
      this.#answers.shift()
      this.held = next.held
      this.#writes.push({ at: next.diskAt, held: next.held })
    }
  }

  crash (now: number): void {
    this.pass(now)
    for (const write of this.#writes) if (write.at <= now) this.#disk = write.held
    this.held = this.#disk
    this.#answers = []
    this.#writes = []
  }
}

/** Plays one browser against one server. */
export function play (plan: Plan, contender: Contender, theft: Theft | null = null): Outcome & TheftOutcome {
  const sent: (Held | null)[] = plan.requests.map(() => null)
  let server: Server = contender.start(0)
  let jar = new Jar(server.first)
  let thief: Held | null = null
  const outcome = { signedOut: 0, alarms: 0, detected: false, letIn: 0, lasted: 0 }
  for (const { at, kind, index } of happenings(plan, theft)) {
    jar.pass(at)
    if (kind === 'crash') jar.crash(at)
    else if (kind === 'stolen') thief = jar.held
    else if (kind === 'sent') sent[index] = jar.held
    else if (kind === 'used') {
      if (thief === null) continue
      const { verdict, cookie } = server.serve(thief, at)
      if (verdict === 'theft') return { ...outcome, detected: true }
      if (verdict === 'out') { thief = null; continue }
      outcome.letIn++
      outcome.lasted = at - (theft?.at ?? 0)
      thief = cookie ?? thief
    } else {
      const held = sent[index]
      const request = plan.requests[index]
      // what was sent before its user signed in again is nobody's any more
      if (held == null || request === undefined) continue
      const { verdict, cookie } = server.serve(held, at)
      if (verdict === 'theft' && theft !== null && thief !== null && outcome.letIn > 0) return { ...outcome, detected: true }
      if (verdict === 'in') {
        if (cookie !== null && !request.lost) jar.expect(cookie, request.answeredAt, request.answeredAt + request.diskAfter)
        continue
      }
      outcome.signedOut++
      if (verdict === 'theft') outcome.alarms++
      if (theft !== null) return outcome
      server = contender.start(at)
      jar = new Jar(server.first)
      sent.fill(null)
    }
  }
  return outcome
}

/** Somebody copies the cookie during a visit, and uses it at once, an hour later or days later, again and again. */
export function theftIn (plan: Plan, random: () => number): Theft {
  const request = plan.requests[Math.floor(random() * plan.requests.length * 0.8)]
  const at = (request?.answeredAt ?? 0) + random() * 5 * minute
  const kind = random() * 3
  let use = at + (kind < 1 ? exponential(random, minute) : kind < 2 ? exponential(random, 2 * hour) : day + random() * 4 * day)
  const uses: number[] = []
  for (let i = 0; i < 20; i++) {
    uses.push(use)
    use += exponential(random, 3 * hour)
  }
  return { at, uses }
}

function happenings (plan: Plan, theft: Theft | null): Happening[] {
  const all: Happening[] = []
  plan.requests.forEach(({ sentAt, servedAt }, index) => {
    all.push({ at: sentAt, kind: 'sent', index }, { at: servedAt, kind: 'served', index })
  })
  plan.crashes.forEach(({ at }, index) => { all.push({ at, kind: 'crash', index }) })
  if (theft !== null) {
    all.push({ at: theft.at, kind: 'stolen', index: 0 })
    theft.uses.forEach((at, index) => { all.push({ at, kind: 'used', index }) })
  }
  return all.sort((a, b) => a.at - b.at)
}
