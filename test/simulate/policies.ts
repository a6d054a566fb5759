import type { SessionRecord } from '../../lib/model/record.ts'
import { confirmsRotation, judge } from '../../lib/policy.ts'
import type { Policy } from '../../lib/policy.ts'
import { deriveSuccessor, hashVerifier, newId, newVerifier } from '../../lib/token/token.ts'
import { day, hour, minute, second } from './plan.ts'

/** What a browser holds. */
export interface Held {
  readonly generation: number
  readonly verifier: Buffer
  readonly hash: string
  /** What the server makes of it, once it has. */
  next: Held | null
}

/** The server's answer to one request. `theft`: it ends the session, for everybody. */
export interface Answer {
  readonly verdict: 'in' | 'out' | 'theft'
  readonly cookie: Held | null
}

/** One session on a server, under one policy. */
export interface Server {
  readonly first: Held
  serve (held: Held, now: number): Answer
}

export interface Contender {
  readonly name: string
  readonly start: (now: number) => Server
}

const key = Buffer.from('the key of a simulation, 32 bytes')
const id = newId(1, 0)
const letIn: Answer = { verdict: 'in', cookie: null }

function holding (generation: number, verifier: Buffer): Held {
  return { generation, verifier, hash: hashVerifier(verifier), next: null }
}

/** The policy of this package: its own `judge`, its own derivation, on a record as a store keeps it. */
function ours (changes: Partial<Pick<Policy, 'minOverlap' | 'grace'>> = {}, confirmed: typeof confirmsRotation = confirmsRotation): (now: number) => Server {
  const policy: Policy = {
    session: { idleTimeout: hour, absoluteTimeout: day },
    guest: { idleTimeout: hour, absoluteTimeout: day },
    remembered: { idleTimeout: 400 * day, absoluteTimeout: 4000 * day },
    rotateAfter: { session: 0, remembered: hour },
    minOverlap: minute,
    grace: 30 * second,
    ...changes
  }
  return now => {
    const first = holding(0, newVerifier())
    let resentAt = 0
    let record = {
      id,
      generation: 0,
      hash: first.hash,
      previousHash: null,
      rotatedAt: now,
      confirmedAt: null,
      lastSeenAt: now,
      idleTimeout: 400 * day,
      absoluteExpiresAt: now + 4000 * day,
      remembered: true
    } as unknown as SessionRecord
    return {
      first,
      serve (held, now) {
        switch (judge(policy, record, { id, generation: held.generation, hash: held.hash }, now)) {
          case 'accept':
            if (record.confirmedAt === null && confirmed(policy, record, resentAt, now)) record = { ...record, confirmedAt: now }
            record = { ...record, lastSeenAt: now }
            return letIn
          case 'rotate': {
            const next = successorOf(held)
            record = {
              ...record,
              generation: next.generation,
              hash: next.hash,
              previousHash: record.hash,
              rotatedAt: now,
              confirmedAt: null,
              lastSeenAt: now
            }
            return { verdict: 'in', cookie: next }
          }
          case 'resend':
            resentAt = now
            return { verdict: 'in', cookie: successorOf(held) }
          case 'reused': return { verdict: 'theft', cookie: null }
          case 'superseded':
          case 'unknown':
          case 'expired':
            return { verdict: 'out', cookie: null }
        }
      }
    }
  }
}

function successorOf (held: Held): Held {
  held.next ??= holding(held.generation + 1, deriveSuccessor(key, { id, generation: held.generation, verifier: held.verifier }))
  return held.next
}

/** What is often built: a new random verifier each `every`, the one before good for `grace`, anything older is theft. */
function naive (every: number, grace: number): (now: number) => Server {
  return now => {
    const first = holding(0, newVerifier())
    let current = first
    let rotatedAt = now
    return {
      first,
      serve (held, now) {
        if (held === current) {
          if (now - rotatedAt < every) return letIn
          current = holding(held.generation + 1, newVerifier())
          rotatedAt = now
          return { verdict: 'in', cookie: current }
        }
        return held.generation === current.generation - 1 && now - rotatedAt < grace ? letIn : { verdict: 'theft', cookie: null }
      }
    }
  }
}

/** Who is compared. */
export const contenders: readonly Contender[] = [
  { name: 'this package', start: ours() },
  { name: '… without waiting for the disk', start: ours({}, () => true) },
  { name: '… nor for anything: 30 s after first use', start: ours({ minOverlap: 0 }, () => true) },
  { name: 'each hour, no grace', start: naive(hour, 0) },
  { name: 'each hour, grace 10 s', start: naive(hour, 10 * second) },
  { name: 'each hour, grace 60 s', start: naive(hour, minute) },
  { name: 'each request, no grace', start: naive(0, 0) },
  { name: 'each request, grace 10 s', start: naive(0, 10 * second) },
  { name: 'never', start: naive(Infinity, 0) }
]
