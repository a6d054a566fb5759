import { join } from 'node:path'
import Database from 'libsql'
import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { LegacyAdapter } from '../../lib/migration/index.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import { api, gate } from '../helpers/app.ts'
import { oldBetterAuth, oldIronSession, oldSecureSession } from '../helpers/legacy-others.ts'
import { newApp, oldExpressSession, oldFastifySession, once } from '../helpers/legacy.ts'

t.test('a sign-out with an old cookie while a store is down is final, or says that it is not', async t => {
  const old = await oldFastifySession(t)
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  let [oldDown, newDown] = [true, false]
  const store = memoryStore()
  const create = store.create.bind(store)
  store.create = (record, options) => { if (newDown) throw new Error('down'); return create(record, options) }
  const adapter: LegacyAdapter = {
    ...old.adapter,
    load: text => { if (oldDown) throw new Error('down'); return old.adapter.load(text) },
    retire: text => { if (oldDown) throw new Error('down'); return old.adapter.retire?.(text) }
  }
  const { url } = await newApp(t, old, { adapters: [adapter] }, { store })
  t.equal((await ada.copy().at(url).post(`${api}/logout`, {})).status, 200)
  oldDown = false
  t.equal((await ada.copy().at(url).get('/me')).status, 401, 'a copy of the old cookie does not sign in')
  newDown = true
  const answer = await grace.copy().at(url).post(`${api}/logout`, {})
  t.equal(answer.status, 503)
  t.match(await answer.json(), { code: 'FST_SESSION_REVOCATION_PENDING' })
})

t.test('an adopted session that somebody ends blocks its credential before the new cookie has come back', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url, app } = await newApp(t, old)
  const { id } = await (await browser.copy().at(url).get('/me')).json() as { id: string }
  const retired = once(app, 'migration', { result: 'retired' })
  await app.sessions.revoke(id, { by: 'admin' })
  await retired
  t.match(await (await browser.copy().get('/me')).json(), { user: null })
  t.equal((await browser.copy().at(url).get('/me')).status, 401)
})

t.test('a sealed cookie whose session has ended is refused with the reason; with an identity, so are its older copies', async t => {
  for (const identity of [undefined, (data: Record<string, unknown>) => String(data['signIn'])]) {
    const old = await oldIronSession(t, identity === undefined ? {} : { identity })
    const browser = await old.signIn('ada')
    const older = browser.copy()
    await browser.post('/set', { theme: 'dark' })
    const { url } = await newApp(t, old)
    const jar = browser.copy().at(url)
    t.match(await (await jar.get('/who')).json(), { data: { theme: 'dark' } })
    await jar.post(`${api}/logout`, {})
    t.match(await (await browser.copy().at(url).get('/me')).json(), { code: 'FST_SESSION_ENDED', reason: 'logout' })
    t.equal((await older.at(url).get('/me')).status, identity === undefined ? 200 : 401)
  }
})

t.test('who signs out everywhere means browsers, too, that have not come by since the switch', async t => {
  const old = await oldFastifySession(t)
  const [here, there] = [await old.signIn('ada'), await old.signIn('ada')]
  const { url, app, events } = await newApp(t, old)
  const jar = here.at(url)
  await jar.get('/me')
  t.same(await (await jar.post(`${api}/revoke`, { scope: 'others' })).json(), { revoked: 0 })
  t.match(await (await there.at(url).get('/me')).json(), { code: 'FST_SESSION_ENDED', reason: 'revoked' })
  t.ok(events.some(event => event.type === 'migration-rejected' && event.why === 'revoked'))
  t.equal((await jar.get('/me')).status, 200)
  await app.sessions.revokeUser('ada')
  t.equal((await jar.get('/me')).status, 401)
})

t.test('a sign-in at the old library after that counts, where its record tells when', async t => {
  const old = await oldBetterAuth(t)
  const browser = await old.signIn('ada')
  const userId = await old.idOf?.(browser) ?? ''
  let createdAt = 0
  const adapter: LegacyAdapter = {
    ...old.adapter,
    async load (token) {
      const session = await old.adapter.load(token)
      return session && { ...session, createdAt }
    },
    async retire () {}
  }
  const { url, app, clock } = await newApp(t, old, { adapters: [adapter] })
  await app.sessions.revokeUser(userId)
  await app.sessions.revokeUser(userId)
  t.equal((await browser.copy().at(url).get('/me')).status, 401)
  createdAt = clock.now + 1
  t.equal((await browser.copy().at(url).get('/me')).status, 200)
})

t.test('a browser that signs out takes every old credential along that it bears', async t => {
  const old = await oldSecureSession(t)
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  const { url, app, send, signIn } = await newApp(t, old)
  const ours = await signIn('linus')
  const out = await send(`${api}/logout`, { method: 'POST', payload: {}, cookie: [ours, ...ada.cookies()].join('; ') })
  t.match(out.headers['set-cookie'], [/^sid=;/, /^session=; Max-Age=0/])
  t.match(await (await ada.at(url).get('/me')).json(), { reason: 'logout' }, 'never adopted, and yet blocked')
  const adopted = grace.copy().at(url)
  await adopted.get('/me')
  await send(`${api}/logout`, { method: 'POST', payload: {}, cookie: [await signIn('linus'), ...grace.cookies()].join('; ') })
  t.equal((await adopted.get('/me')).status, 401, 'nor does the session live on that it opened elsewhere')
  t.equal(await app.sessions.count({}), 0)
})

t.test('what ends while its old record is being written is gone there too', async t => {
  for (const mode of ['ended', 'superseded'] as const) {
    const old = await oldExpressSession(t, { maxAge: 0 })
    const browser = await old.signIn('ada')
    const [writing, go] = [gate(), gate()]
    const adapter: LegacyAdapter = {
      ...old.adapter,
      async mirror (id, session) {
        writing.open()
        await go.opened
        await old.adapter.mirror?.(id, session)
      }
    }
    const { url, app, clock } = await newApp(t, old, { adapters: [adapter], rollback: true })
    const jar = browser.copy().at(url)
    await jar.get('/me')
    await jar.post('/data', { a: 1 })
    await writing.opened
    if (mode === 'ended') await app.sessions.revokeUser('ada')
    go.open()
    if (mode === 'superseded') {
      await app.sessions.flush()
      clock.now += 120_000
      t.equal((await browser.copy().at(url).get('/me')).status, 401, 'a copy')
    }
    await app.close()
    t.match(await (await browser.get('/me')).json(), mode === 'ended' ? { user: null } : { user: { id: 'ada' } })
  }
})

t.test('two nodes take a session over once, and each knows what the other ended', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const file = join(t.testdir(), 'sessions.db')
  const nodes = await Promise.all([1, 2].map(() => newApp(t, old, {}, { store: sqliteStore(new Database(file) as never) })))
  const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => browser.copy().at(nodes[i % 2]?.url ?? '').get('/me')))
  t.equal(new Set(answers.map(answer => answer.headers.getSetCookie()[0])).size, 1, 'one token')
  const [first, second] = nodes as [typeof nodes[0] & object, typeof nodes[0] & object]
  t.equal(await first.app.sessions.count({}), 1)
  t.equal(nodes.flatMap(({ events }) => events).filter(({ type }) => type === 'adopted').length, 1)
  const jar = browser.copy().at(second.url)
  await jar.get('/me')
  await second.app.sessions.revokeUser('ada')
  for (const { url } of nodes) t.equal((await browser.copy().at(url).get('/me')).status, 401)
  for (const { url } of nodes) t.equal((await jar.at(url).get('/me')).status, 401)
})
