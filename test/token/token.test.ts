import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  decodeToken,
  deriveAdopted,
  deriveSuccessor,
  encodeToken,
  hashVerifier,
  isId,
  issueToken,
  newId,
  newVerifier,
  randomShard,
  sameHash,
  shardOf,
  shardOfId,
  tokenLength
} from '../../lib/token/token.ts'
import type { Token } from '../../lib/token/token.ts'

const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('base64url'))
const token = fc.record(
  {
    generation: fc.integer({ min: 0, max: 0xffff }),
    id,
    verifier: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes))
  },
  { noNullPrototype: true }
)

t.test('a token is 68 characters, and comes back as it was', async () => {
  fc.assert(fc.property(token, token => {
    const text = encodeToken(token)
    t.equal(text.length, tokenLength)
    t.strictSame(decodeToken(text), token)
  }), { numRuns: 50 })
})

t.test('only what was written is read: no other spelling, version or length', async t => {
  fc.assert(fc.property(fc.string({ minLength: 60, maxLength: 70 }), text => {
    const read = decodeToken(text)
    return read === null || encodeToken(read) === text
  }))
  const text = encodeToken({ generation: 1, id: newId(0, 0), verifier: newVerifier() })
  t.equal(decodeToken(`B${text.slice(1)}`), null, 'another version')
  t.equal(decodeToken(text.slice(1)), null)
  t.equal(decodeToken(`${text.slice(0, -1)}=`), null)
  t.equal(decodeToken(`${text.slice(0, -1)}+`), null)
})

t.test('an id contains its shard, has one spelling, and cannot authenticate', async t => {
  const id = newId(77, Date.UTC(2026, 0, 1))
  t.equal(shardOfId(id), 77)
  t.ok(isId(id))
  t.notOk(isId(`${id.slice(0, -1)}B`), 'spare bits')
  t.notOk(isId(id.slice(1)))
  t.notOk(isId('../../../../etc/passwd'))
  t.not(newId(77, 0), newId(77, 0))
  t.ok(isId(newId(0, -5)), 'a clock before 1970 makes an id all the same')
})

t.test('an issued token is a token like any other, of an id and a verifier that come once', async t => {
  const now = Date.UTC(2026, 0, 1)
  const issued = Array.from({ length: 1000 }, () => issueToken(77, now))
  for (const { id, hash, token } of issued) {
    const read = decodeToken(token) as Token
    if (read.id !== id || read.generation !== 0 || hashVerifier(read.verifier) !== hash || shardOfId(id) !== 77 || !isId(id)) t.fail(token)
    if (Buffer.from(id, 'base64url').readUIntBE(1, 6) !== now) t.fail(id)
  }
  t.equal(new Set(issued.map(({ id }) => id)).size, 1000)
  t.equal(new Set(issued.map(({ hash }) => hash)).size, 1000)
  t.ok(isId(issueToken(0, -5).id), 'a clock before 1970 makes one all the same')
})

t.test("a user's shard is the same for ever", async t => {
  t.equal(shardOf('ada'), 0xee)
  t.ok(randomShard() < 256)
})

t.test('what is stored of a verifier is its SHA-256', async t => {
  const verifier = newVerifier()
  t.equal(hashVerifier(verifier), createHash('sha256').update(verifier).digest('base64url'))
})

t.test('a hundred thousand verifiers do not repeat, and their bits are even', async t => {
  const seen = new Set<string>()
  let ones = 0
  for (let i = 0; i < 100_000; i++) {
    const verifier = newVerifier()
    seen.add(verifier.toString('latin1'))
    for (let bits = verifier[i % 32] ?? 0; bits > 0; bits >>= 1) ones += bits & 1
  }
  t.equal(seen.size, 100_000)
  // 800,000 coins: six standard deviations are 2,683
  t.ok(Math.abs(ones - 400_000) < 2683)
})

t.test('a successor depends on key, session, generation and verifier', async t => {
  const key = Buffer.alloc(32, 1)
  const base = { generation: 3, id: newId(0, 0), verifier: newVerifier() }
  const successor = deriveSuccessor(key, base)
  t.strictSame(deriveSuccessor(key, base), successor)
  for (const other of [
    { ...base, generation: 4 },
    { ...base, id: newId(0, 0) },
    { ...base, verifier: newVerifier() }
  ]) { t.notSame(deriveSuccessor(key, other), successor) }
  t.notSame(deriveSuccessor(Buffer.alloc(32, 2), base), successor)
  t.notSame(deriveAdopted(key, 'a'), deriveAdopted(key, 'b'))
})

t.test('hashes compare equal only if they are equal', async t => {
  t.ok(sameHash('abc', 'abc'))
  t.notOk(sameHash('abc', 'abd'))
  t.notOk(sameHash('abc', 'ab'))
})
