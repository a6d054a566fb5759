import t from 'tap'
import { fromAuthJs } from '../../lib/migration/index.ts'
import type { LegacyAdapter } from '../../lib/migration/index.ts'
import { api, gate } from '../helpers/app.ts'
import { oldAuthJs, oldBetterAuth } from '../helpers/legacy-others.ts'
import { hour, newApp, oldExpressSession, once } from '../helpers/legacy.ts'

t.test('while the way back is open the old library goes on: in step, and signed out together', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const other = await old.signIn('grace')
  const oldCookies = browser.copy()
  const mirrored = gate()
  const adapter: LegacyAdapter = { ...old.adapter, async mirror (id, session) { await old.adapter.mirror?.(id, session); mirrored.open() } }
  const { url, app, clock, events } = await newApp(t, old, { adapters: [adapter], rollback: true })
  const jar = browser.at(url)
  await jar.get('/me')
  await app.sessions.flush()
  clock.now += hour
  t.equal((await jar.post('/data', { cart: ['book', 'lamp'], extra: { deep: true } })).status, 200)
  await mirrored.opened
  t.match(await (await oldCookies.get('/me')).json(), { user: { id: 'ada' }, cart: ['book', 'lamp'] })
  t.equal(events.filter(event => event.type === 'migration' && event.result === 'retired').length, 0)

  // rolled back, and forward again: the browser has both cookies
  t.match(await (await jar.at(old.url).get('/me')).json(), { user: { id: 'ada' } })
  t.equal((await jar.get('/me')).status, 200)

  const retired = once(app, 'migration', { result: 'retired' })
  await app.sessions.revokeUser('ada')
  await retired
  t.match(await (await oldCookies.get('/me')).json(), { user: null })

  const late = other.at(url)
  t.equal((await late.get('/me')).status, 200)
  const gone = once(app, 'migration', { result: 'retired' })
  await late.post('/login', { userId: 'grace' })
  await gone
  t.match(await (await other.get('/me')).json(), { user: null }, 'a new sign-in replaces the old session on both sides')
})

t.test('in mode drain, what was kept goes, and every old cookie that opens nothing', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const oldCookies = browser.copy()
  const { url, app, clock, send } = await newApp(t, old, { mode: 'drain', rollback: true })
  const jar = browser.at(url)
  t.equal((await jar.get('/me')).status, 200, 'the last ones are adopted')
  const deleted = 'connect.sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly'
  for (const cookie of ['connect.sid=s%3Aforged.x', 'connect.sid=']) {
    t.match((await send('/public', { cookie })).headers['set-cookie'], deleted)
  }
  t.equal((await send('/cached', { cookie: 'connect.sid=x' })).headers['set-cookie'], undefined, 'a shared cache would keep it')
  t.equal((await send('/public', { cookie: 'other=1' })).headers['set-cookie'], undefined)
  await jar.get('/me')
  await app.sessions.flush()
  clock.now += 91_000
  const retired = once(app, 'migration', { result: 'retired' })
  await jar.get('/me')
  await retired
  t.match(await (await oldCookies.get('/me')).json(), { user: null })
  t.match((await oldCookies.copy().at(url).get('/public')).headers.getSetCookie(), [deleted], 'a record that is gone')
  const fresh = await old.signIn('ada')
  t.match((await send('/public', { cookie: [...jar.cookies(), fresh.cookies()[0], 'connect.sid=x'].join('; ') })).statusCode, 200)
  t.match(
    (await send('/public', { cookie: [...jar.cookies().filter(cookie => cookie.startsWith('sid=')), 'connect.sid=x'].join('; ') }))
      .headers['set-cookie'],
    deleted
  )
})

t.test('while the way back is open, the old life goes on as long as the new one moves', async t => {
  const old = await oldExpressSession(t, { maxAge: hour, rolling: true })
  const browser = await old.signIn('ada')
  const expiries: number[] = []
  let written = gate()
  const adapter: LegacyAdapter = {
    ...old.adapter,
    async mirror (id, session) {
      await old.adapter.mirror?.(id, session)
      expiries.push(session.expiresAt)
      written.open()
    }
  }
  const { url, clock, signIn, send } = await newApp(t, old, { adapters: [adapter], rollback: true })
  const jar = browser.at(url)
  await jar.get('/me')
  for (let i = 0; i < 2; i++) {
    clock.now += 30 * 60_000
    written = gate()
    await jar.get('/me')
    await jar.get('/me')
    await written.opened
  }
  t.equal(expiries.length, 2, 'at most once a minute')
  const [first = 0, second = 0] = expiries
  t.equal(second - first, 30 * 60_000)
  const [kept = ''] = Object.values((old.store as unknown as { sessions: Record<string, string> }).sessions)
  t.equal(Date.parse((JSON.parse(kept) as { cookie: { expires: string } }).cookie.expires), second)
  const plain = await send('/data', { method: 'POST', payload: { a: 1 }, cookie: await signIn('grace') })
  t.equal(plain.statusCode, 200, 'sessions that were never another library’s have nothing to keep in step')
})

t.test('better-auth and Auth.js keep their rows while the way back is open', async t => {
  for (const open of [oldBetterAuth, oldAuthJs]) {
    const old = await open(t)
    const browser = await old.signIn('ada')
    const mirrored = gate()
    const adapter: LegacyAdapter = {
      ...old.adapter,
      async mirror (token, session) {
        await old.adapter.mirror?.(token, session)
        mirrored.open()
      }
    }
    const { url, app } = await newApp(t, old, { adapters: [adapter], rollback: true })
    const jar = browser.copy().at(url)
    await jar.get('/me')
    await jar.post('/data', { a: 1 })
    await mirrored.opened
    t.notMatch(await (await browser.get('/me')).json(), { user: null })
    const retired = once(app, 'migration', { result: 'retired' })
    await jar.post(`${api}/logout`, {})
    await retired
    t.match(await (await browser.get('/me')).json(), { user: null })
  }
  t.same(
    fromAuthJs({
      adapter: { getSessionAndUser: () => null, deleteSession: () => null },
      cookieName: 'mine',
      cookie: { domain: 'example.com' }
    }).cookies,
    [{ name: 'mine', domain: 'example.com' }]
  )
})
