import { createHmac } from 'node:crypto'
import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { SessionRecord, Store } from '../../lib/index.ts'
import { deriveKeys } from '../../lib/token/keys.ts'
import { encodeToken, newVerifier } from '../../lib/token/token.ts'
import { api, cookieOf, secret, testApp } from '../helpers/app.ts'

const minute = 60_000
const day = 24 * 60 * minute

t.test('keepOnLogin copies the data of a guest, and never that of the user who was signed in before', async t => {
  const { send, signIn } = await testApp(t, { keepOnLogin: ['cart'] })
  const guest = cookieOf(await send('/data', { method: 'POST', payload: { cart: 'apples' } }))
  const ada = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada' }, cookie: guest }))
  t.match((await send('/who', { cookie: ada })).json(), { userId: 'ada', data: { cart: 'apples' } })
  const bob = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'bob' }, cookie: ada }))
  t.strictSame((await send('/who', { cookie: bob })).json(), { userId: 'bob', data: {} })
  t.strictSame((await send('/who', { cookie: await signIn('eve') })).json(), { userId: 'eve', data: {} })
})

t.test('regenerate keeps when and how the user authenticated, and both deadlines', async t => {
  const { app, send, signIn, clock } = await testApp(t, {}, app => {
    app.post('/theme', async ({ session }) => { await session.regenerate(['theme']); session.set('theme', 'dark'); return {} })
    app.post('/delete', { config: { session: { fresh: '10m' } } }, async () => ({ deleted: true }))
  })
  for (const remember of [true, false]) {
    const user = remember ? 'ada' : 'bob'
    const first = cookieOf(await send('/login', { method: 'POST', payload: { userId: user, remember, method: ['password', 'totp'] } }))
    const before = (await send('/me', { cookie: first })).json<{ info: Record<string, unknown> }>().info
    for (let minutes = 0; minutes < 60; minutes += 20) {
      clock.now += 20 * minute
      await send('/me', { cookie: first })
    }
    t.equal((await send('/delete', { method: 'POST', cookie: first })).statusCode, 403)
    const second = cookieOf(await send('/theme', { method: 'POST', cookie: first }))
    t.not(second, '')
    const after = (await send('/me', { cookie: second })).json<{ info: Record<string, unknown> }>().info
    t.not(after['id'], before['id'])
    for (const name of ['authenticatedAt', 'absoluteExpiresAt', 'methods', 'remembered']) { t.strictSame(after[name], before[name], `${user} ${name}`) }
    t.equal((await send('/delete', { method: 'POST', cookie: second })).statusCode, 403, 'it is no fresher than before')
  }
  t.equal(app.sessions.settings.policy.remembered.absoluteTimeout > day, true)
  const guest = cookieOf(await send('/data', { method: 'POST', payload: { a: '1' } }))
  const [old] = (await app.sessions.list({ guest: true })).items
  clock.now += minute
  await send('/theme', { method: 'POST', cookie: guest })
  const [regenerated] = (await app.sessions.list({ guest: true })).items
  t.equal(regenerated?.absoluteExpiresAt, old?.absoluteExpiresAt, 'also of a guest')
  t.not(await signIn(), '')
})

t.test('a session that assessRisk challenges stays challenged in its request, whatever the handler calls', async t => {
  const { send, signIn } = await testApp(t, { assessRisk: () => 'challenge' }, app => {
    app.get('/steps', async ({ session }) => {
      const seen = [session.info?.authenticatedAt]
      for (const step of [
        () => session.reload(),
        () => session.extend(),
        () => session.rotate(),
        async () => {
          session.set('a', 1)
          await session.save()
        }
      ]) {
        await step()
        seen.push(session.info?.authenticatedAt)
      }
      await session.reauthenticate({ method: 'password' })
      return { seen, proved: typeof session.info?.authenticatedAt }
    })
    app.post('/regenerate', async ({ session }) => { await session.regenerate([]); session.set('a', 1); return {} })
    app.post('/delete', { config: { session: { fresh: '10m' } } }, async () => ({ deleted: true }))
  })
  const cookie = await signIn()
  t.strictSame((await send('/steps', { cookie, headers: { 'user-agent': 'curl/8' } })).json(), {
    seen: [null, null, null, null, null],
    proved: 'number'
  })
  const other = await signIn('bob')
  t.equal((await send('/delete', { method: 'POST', cookie: other, headers: { 'user-agent': 'curl/8' } })).statusCode, 403)
  const regenerated = cookieOf(await send('/regenerate', { method: 'POST', cookie: other, headers: { 'user-agent': 'curl/8' } }))
  t.equal((await send('/delete', { method: 'POST', cookie: regenerated, headers: { 'user-agent': 'curl/8' } })).statusCode, 403)
})

t.test('a record whose userId is not text or null is corrupt: it authenticates nobody, and is reported', async t => {
  const store: Store = memoryStore()
  const { read } = store
  let wrong: unknown = null
  store.read = async id => {
    const found = await read.call(store, id)
    return found === null || wrong === null ? found : { ...found, userId: wrong } as unknown as SessionRecord
  }
  const { send, signIn, events } = await testApp(t, { store })
  const cookie = await signIn()
  for (wrong of [['admin'], 5, true, { id: 1 }, '', undefined]) {
    t.equal((await send('/me', { cookie })).statusCode, 401, JSON.stringify(wrong))
  }
  t.strictSame(
    events.filter(({ type }) => type !== 'created').map(({ type }) => type),
    ['record-corrupt', 'unknown-token'],
    'once a minute'
  )
  wrong = null
  t.equal((await send('/me', { cookie })).statusCode, 200)
})

t.test('the cookie of a guest whose session has expired raises no alarm; one of a session that cannot have expired does', async t => {
  const { app, send, events, clock } = await testApp(t, { guest: { idleTimeout: '30m' } })
  const guest = cookieOf(await send('/data', { method: 'POST', payload: { cart: '1' } }))
  clock.now += 31 * minute
  await app.sessions.cleanup()
  t.equal((await send('/who', { cookie: guest })).statusCode, 200)
  t.strictSame(events.filter(({ type }) => type === 'unknown-token'), [])
  const lost = cookieOf(await send('/data', { method: 'POST', payload: { cart: '1' } }))
  await app.sessions.revokeWhere({ guest: true })
  await send('/who', { cookie: lost })
  t.match(events.at(-1), { type: 'unknown-token' })
})

t.test('a logout with a token that was rejected ends no session', async t => {
  const { app, send, signIn } = await testApp(t, {}, app => {
    app.post('/rotate', async ({ session }) => { await session.rotate(); return {} })
  })
  const dead = await signIn()
  const live = cookieOf(await send('/rotate', { method: 'POST', cookie: dead }))
  t.equal((await send('/me', { cookie: dead })).statusCode, 401)
  const answer = await send(`${api}/logout`, { method: 'POST', cookie: dead })
  t.equal(answer.statusCode, 200)
  t.match(cookieOf(answer), /=$/, 'the browser loses the dead cookie')
  t.equal((await send('/me', { cookie: live })).statusCode, 200, 'the owner stays')
  const [session] = await app.sessions.listByUser('ada')
  const { id = '', generation = 0 } = session ?? {}
  const token = encodeToken({ id, generation, verifier: newVerifier() })
  const [key = Buffer.alloc(0)] = deriveKeys([secret], 'cookie', app.sessions.settings.name)
  const forged = live.replace(/=.*/, `=${token}.${createHmac('sha256', key).update(token).digest('base64url')}`)
  t.match(
    (
      await send('/me', {
        cookie: live.replace(/=.*/, `=${live.slice(4, 72)}.${createHmac('sha256', key).update(live.slice(4, 72)).digest('base64url')}`)
      })
    ).statusCode,
    200,
    'the test signs as the app does'
  )
  t.equal((await send(`${api}/logout`, { method: 'POST', cookie: forged })).statusCode, 200)
  t.equal((await send('/me', { cookie: live })).statusCode, 200, 'the secret and a public id are not enough')
  t.equal((await send(`${api}/logout`, { method: 'POST', cookie: live })).statusCode, 200)
  t.equal((await send('/me', { cookie: live })).statusCode, 401)
})

t.test('a logout while the store fails is still done for a token that nobody could judge', async t => {
  const store: Store = memoryStore()
  const { read } = store
  const { send, signIn } = await testApp(t, { store })
  const cookie = await signIn()
  store.read = () => { throw new Error('away') }
  const answer = await send(`${api}/logout`, { method: 'POST', cookie })
  t.ok(answer.statusCode < 500 || answer.statusCode === 503)
  store.read = read
  t.equal((await send('/me', { cookie })).statusCode, 401)
})
