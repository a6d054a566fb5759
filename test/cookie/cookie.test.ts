import cookiePlugin from '@fastify/cookie'
import fc from 'fast-check'
import t from 'tap'
import { toCookieAttributes, toLoopbackAttributes } from '../../lib/cookie/attributes.ts'
import type { CookieOptions } from '../../lib/cookie/attributes.ts'
import { RivalCookies, SessionCookie } from '../../lib/cookie/cookie.ts'
import { FixedLengthHmac } from '../../lib/cookie/hmac.ts'
import { encodeToken, newId, newVerifier } from '../../lib/token/token.ts'

const secret = 'a secret of the tests, long enough'
const cookie = new SessionCookie(toCookieAttributes({}), [secret])
const newToken = () => encodeToken({ generation: 0, id: newId(1, 0), verifier: newVerifier() })
const pairOf = (set: string) => set.split(';', 1).join('')
const valueOf = (set: string) => pairOf(set).slice('__Host-sid='.length)
const toBase64 = (text: string) => text.replaceAll('-', '+').replaceAll('_', '/')
const toBase64Url = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_')

t.test('what is written is read, again and again', async t => {
  const token = newToken()
  const pair = pairOf(cookie.write(token))
  for (let i = 0; i < 3; i++) { t.match(cookie.read(`a=b; ${pair}; c=d`), { token, generation: 0, signedWithOldSecret: false, duplicate: false }) }
  t.match(cookie.read(`\t ${pair} \t`), { token })
})

t.test('attributes are all there, and repeated by a deletion', async t => {
  const full = new SessionCookie(
    toCookieAttributes({ name: '__Secure-s', domain: 'example.com', path: '/app', sameSite: 'none', partitioned: true }),
    [secret]
  )
  t.match(full.write(newToken()), /; Path=\/app; Domain=example.com; HttpOnly; Secure; SameSite=None; Partitioned$/)
  t.equal(
    full.clear(),
    '__Secure-s=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/app; Domain=example.com; HttpOnly; Secure; SameSite=None; Partitioned'
  )
  t.match(cookie.write(newToken()), /^__Host-sid=[\w-]{68}\.[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  t.match(cookie.write(newToken(), 500 * 86_400_000), /; Max-Age=34560000;/, 'browsers cap it at 400 days')
  t.match(cookie.write(newToken(), -5), /; Max-Age=0;/)
  t.ok(Buffer.byteLength(full.write(newToken())) < 4096)
})

t.test('contradictions are refused', async t => {
  const wrong: [CookieOptions, RegExp][] = [
    [{ domain: 'example.com' }, /__Host-/],
    [{ path: '/a' }, /__Host-/],
    [{ partitioned: true }, /partitioned/],
    [{ name: '__host-sid' }, /prefix/],
    [{ name: 'a b' }, /cookie.name/],
    [{ name: '' }, /cookie.name/],
    [{ name: 'a=b' }, /cookie.name/],
    [{ name: 'x', path: 'a' }, /cookie.path/],
    [{ name: 'x', path: '/;a' }, /cookie.path/],
    [{ name: 'x', domain: 'a;b' }, /cookie.domain/],
    [{ name: 'x', domain: '' }, /cookie.domain/],
    [{ sameSite: 'LAX' as 'lax' }, /sameSite/],
    [{ secure: false as true }, /cookie.secure/],
    [{ name: 5 as unknown as string }, /cookie.name/],
    [{ path: 5 as unknown as string }, /cookie.path/]
  ]
  for (const [options, message] of wrong) t.throws(() => toCookieAttributes(options), { code: 'FST_SESSION_INVALID_OPTION', message })
})

t.test('the loopback form is a plain name without Secure', async t => {
  t.strictSame(toLoopbackAttributes(toCookieAttributes({})), { name: 'sid', path: '/', sameSite: 'lax', secure: false })
  t.strictSame(toLoopbackAttributes(toCookieAttributes({ name: '__Secure-x', sameSite: 'none' })), {
    name: 'x',
    path: '/',
    sameSite: 'lax',
    secure: false
  })
})

t.test('an older secret verifies, and asks to be signed again; a removed one does not', async t => {
  const pair = pairOf(new SessionCookie(toCookieAttributes({}), ['another secret, which is now the old']).write(newToken()))
  t.match(new SessionCookie(toCookieAttributes({}), [secret, 'another secret, which is now the old']).read(pair), {
    signedWithOldSecret: true
  })
  t.equal(cookie.read(pair), 'bad-signature')
})

t.test('a cookie of another name verifies nothing here', async t => {
  const other = new SessionCookie(toCookieAttributes({ name: '__Host-other' }), [secret])
  t.equal(cookie.read(`__Host-sid=${pairOf(other.write(newToken())).slice('__Host-other='.length)}`), 'bad-signature')
})

t.test('a value that is not the one written, in any spelling, is invalid', async t => {
  const value = valueOf(cookie.write(newToken()))
  const spellings = [
    '',
    '.',
    'x',
    value.slice(0, 68),
    value.slice(0, -1),
    `${value}=`,
    `"${value}`,
    `${value}"`,
    `""${value}""`,
    `"${value.slice(1)}"`,
    `${value}${value}`,
    `x${value.slice(1)}`,
    'a'.repeat(112),
    `${value.slice(0, 68)}x${value.slice(69)}`,
    `%${value.slice(1)}`,
    `${value.slice(0, -1)}%E0%A4%A`,
    `${value}%`,
    encodeURIComponent(`"${value}"`),
    value.replace('.', '%252E'),
    `${value.slice(0, 68)} ${value.slice(69)}`,
    `${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`,
    value.slice(0, 69) + value.slice(69).replace(/^./, '!'),
    `${value},${value}`,
    '%'.repeat(5000)
  ]
  for (const spelling of spellings) t.equal(cookie.read(`__Host-sid=${spelling}`), 'bad-signature', spelling)
  for (const name of ['__host-sid', '__HOST-SID', '\u00a0__Host-sid', '%5f%5fHost-sid', '=__Host-sid', 'x__Host-sid', '$__Host-sid']) { t.equal(cookie.read(`${name}=${value}`), null, name) }
  t.equal(cookie.read(`other=1,__Host-sid=${value}`), null)
  t.equal(cookie.read('nothing'), null)
})

t.test('clients may quote and percent-encode the cookie, and write a plus as a space', async t => {
  // signatures with the characters that clients change, in the form of today and in the one before, base64
  const tokens = Array.from({ length: 300 }, newToken)
  for (const token of tokens) {
    const value = valueOf(cookie.write(token))
    const old = `${token}.${toBase64(value.slice(69))}`
    for (const form of [value, old]) {
      const percent = Array.from(Buffer.from(form), byte => `%${byte.toString(16)}`).join('')
      for (const sent of [
        form,
        `"${form}"`,
        encodeURIComponent(form),
        `"${encodeURIComponent(form)}"`,
        form.replaceAll('+', ' '),
        `"${form.replaceAll('+', ' ')}"`,
        percent,
        percent.toUpperCase()
      ]) {
        const found = cookie.read(`a="b"; __Host-sid=${sent} ; c=d`)
        if (found === null || typeof found === 'string' || found instanceof RivalCookies || found.token !== token || found.duplicate) { t.fail(sent) }
      }
      t.match(
        cookie.read(`__Host-sid="${form}"; __Host-sid=${encodeURIComponent(form)}; __Host-sid=${form}`),
        { token, duplicate: false },
        'all of them are one cookie'
      )
    }
    if (
      /[-_]/.test(value.slice(69)) &&
      cookie.read(`__Host-sid=${value.slice(0, 69)}${value.slice(69).replace(/[-_]/, mark => (mark === '-' ? '+' : '/'))}A`) !==
        'bad-signature'
    ) { t.fail('a longer one') }
  }
})

t.test('of more than eight cookies of the name none is tried further, and none is used', async t => {
  const good = pairOf(cookie.write(newToken()))
  const forged = (i: number) => `__Host-sid=${newToken()}.${String(i).padStart(43, 'A')}`
  const flood = (length: number) => Array.from({ length }, (_, i) => forged(i)).join('; ')
  t.match(cookie.read(`${flood(7)}; ${good}`), { duplicate: true })
  t.equal(cookie.read(`${flood(8)}; ${good}`), 'cookie-tossing')
  t.equal(cookie.read(`${good}; ${flood(8)}`), 'cookie-tossing')
  t.match(cookie.read(`${'__Host-sid=short; '.repeat(500)}${good}`), { duplicate: true }, 'what has another length costs nothing')
})

t.test('of several, the only valid one counts, in any order; of different valid ones all are returned', async t => {
  const good = pairOf(cookie.write(newToken()))
  t.match(cookie.read(`__Host-sid=junk; ${good}`), { duplicate: true })
  t.match(cookie.read(`${good}; __Host-sid=junk`), { duplicate: true })
  t.match(cookie.read(`${good}; ${good}`), { duplicate: false })
  t.match(cookie.read(`${good}; ${pairOf(cookie.write(newToken()))}`), { cookies: [{ duplicate: false }, { duplicate: false }] })
})

t.test('the cache of verified cookies is bounded, and what falls out is verified again', async t => {
  const first = pairOf(cookie.write(newToken()))
  t.type(cookie.read(first), 'object')
  for (let i = 0; i < 16_400; i++) cookie.read(pairOf(cookie.write(newToken())))
  t.type(cookie.read(first), 'object', 'from the older half')
  for (let i = 0; i < 33_000; i++) cookie.read(pairOf(cookie.write(newToken())))
  t.type(cookie.read(first), 'object', 'verified anew')
})

t.test('any header is read in linear time, and never throws', async () => {
  fc.assert(fc.property(fc.string({ maxLength: 400 }), text => {
    const read = cookie.read(`${text}; __Host-sid=${text}`)
    return read === 'bad-signature' || read === null
  }))
  cookie.read(';'.repeat(400_000))
  cookie.read('__Host-sid=x; '.repeat(30_000))
  cookie.read(' '.repeat(400_000) + '__Host-sid=')
})

t.test("a signature is the one that @fastify/cookie's Signer makes, whatever the key", async () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 0, maxLength: 64 }), fc.stringMatching(/^[\w-]{68}$/), (bytes, text) => {
    const key = Buffer.from(bytes)
    return (
      `${text}.${new FixedLengthHmac(key, 68).of(text)}` === `${text}.${toBase64Url(new cookiePlugin.Signer(key).sign(text).slice(69))}`
    )
  }))
})
