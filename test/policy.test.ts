import fc from 'fast-check'
import t from 'tap'
import { resolveOptions } from '../lib/manager/options.ts'
import type { SessionRecord } from '../lib/model/record.ts'
import { confirmsRotation, isFresh, judge, lifetimeFor } from '../lib/policy.ts'
import { plainRecord } from './helpers/records.ts'

const { policy } = resolveOptions({ secret: 'a secret of the tests, long enough', rotateAfter: '10m' })
const minute = 60_000
const record = plainRecord({
  generation: 5,
  hash: 'current',
  previousHash: 'previous',
  idleTimeout: 30 * minute,
  absoluteExpiresAt: 720 * minute
})
const presents = (generation: number, hash: string) => ({ id: record.id, generation, hash })
const verdict = (change: Partial<SessionRecord>, generation: number, hash: string, now: number) =>
  judge(policy, { ...record, ...change }, presents(generation, hash), now)

t.test('the current verifier is accepted until the very instant of the sooner deadline', async t => {
  t.equal(verdict({}, 5, 'current', 1), 'accept')
  t.equal(verdict({ rotatedAt: 29 * minute }, 5, 'current', 30 * minute - 1), 'accept')
  t.equal(verdict({}, 5, 'current', 30 * minute), 'expired')
  t.equal(verdict({ absoluteExpiresAt: minute }, 5, 'current', minute), 'expired')
})

t.test('an old enough verifier is due, as long as generations last', async t => {
  t.equal(verdict({ confirmedAt: minute }, 5, 'current', 10 * minute), 'rotate')
  t.equal(verdict({}, 5, 'current', 10 * minute), 'accept', 'not before its browser is known to have it')
  t.equal(verdict({ previousHash: null }, 5, 'current', 10 * minute), 'rotate', 'unless there is none before it')
  t.equal(verdict({ remembered: true }, 5, 'current', 10 * minute), 'accept', 'remembered sessions have a length of their own')
  t.equal(verdict({ confirmedAt: minute, generation: 0xffff }, 0xffff, 'current', 10 * minute), 'accept')
  t.equal(
    judge(resolveOptions({ secret: 'a secret of the tests, long enough' }).policy, record, presents(5, 'current'), 20 * minute),
    'accept'
  )
})

t.test('the verifier before is good until its successor was seen and settled, and a grace after', async t => {
  t.equal(verdict({}, 4, 'previous', 29 * minute), 'resend', 'the browser never got the new one')
  t.equal(verdict({ confirmedAt: 1000 }, 4, 'previous', 90_000 - 1), 'resend', 'settled a minute after its issue')
  t.equal(verdict({ confirmedAt: 1000 }, 4, 'previous', 90_000), 'reused')
  t.equal(verdict({ confirmedAt: 5 * minute }, 4, 'previous', 5 * minute + 29_999), 'resend')
  t.equal(verdict({ confirmedAt: 5 * minute }, 4, 'previous', 5 * minute + 30_000), 'reused')
})

t.test('a browser has a verifier for good when it shows it after the time that disks take, since it last got it', async t => {
  t.equal(confirmsRotation(policy, record, 0, minute - 1), false)
  t.equal(confirmsRotation(policy, record, 0, minute), true)
  t.equal(confirmsRotation(policy, record, 5 * minute, 6 * minute - 1), false, 'it was sent again')
  t.equal(confirmsRotation(policy, record, 5 * minute, 6 * minute), true)
  t.equal(confirmsRotation(policy, { ...record, previousHash: null }, 0, 1), true, 'there is none before it to come back with')
})

t.test('a verifier that was killed at once is refused without alarm while its requests may be under way', async t => {
  const killed = { previousHash: null }
  t.equal(verdict(killed, 4, 'previous', 20 * minute), 'superseded', 'its answer may never have arrived')
  t.equal(verdict({ ...killed, confirmedAt: 1 }, 4, 'previous', 89_999), 'superseded')
  t.equal(verdict({ ...killed, confirmedAt: 1 }, 4, 'previous', 90_000), 'reused')
})

t.test('further behind is theft once it cannot be a request under way', async t => {
  t.equal(verdict({}, 3, 'older', 89_999), 'superseded')
  t.equal(verdict({}, 3, 'older', 90_000), 'reused')
})

t.test('what was never a verifier of the session, or comes from a future the store lost, is refused without alarm', async t => {
  t.equal(verdict({}, 5, 'guesses', 1), 'unknown')
  t.equal(verdict({}, 4, 'previouz', 1), 'unknown')
  t.equal(verdict({}, 6, 'ahead', 1), 'unknown')
})

t.test('time never makes an ended session live again', async () => {
  const time = fc.integer({ min: 0, max: 800 * minute })
  fc.assert(fc.property(time, time, fc.integer({ min: 0, max: 7 }), (a, b, generation) => {
    const [sooner, later] = [Math.min(a, b), Math.max(a, b)]
    return verdict({}, generation, 'current', sooner) !== 'expired' || verdict({}, generation, 'current', later) === 'expired'
  }))
})

t.test('guests, sessions and remembered sessions have lengths of their own', async t => {
  t.strictSame(lifetimeFor(policy, { userId: null, remembered: true }), policy.guest)
  t.strictSame(lifetimeFor(policy, { userId: 'ada', remembered: true }), policy.remembered)
  t.strictSame(lifetimeFor(policy, { userId: 'ada', remembered: false }), policy.session)
})

t.test('fresh is who signed in recently, up to the instant', async t => {
  t.ok(isFresh({ authenticatedAt: 0 }, 600, 600))
  t.notOk(isFresh({ authenticatedAt: 0 }, 600, 601))
  t.notOk(isFresh({ authenticatedAt: null }, 600, 0))
})
