import t from 'tap'
import { api } from '../helpers/app.ts'
import { oldAuthJs, oldBetterAuth, oldIronSession, oldSecureSession } from '../helpers/legacy-others.ts'
import { newApp, oldExpressSession, oldFastifySession, once } from '../helpers/legacy.ts'
import type { Old } from '../helpers/legacy.ts'

type Test = Parameters<typeof oldFastifySession>[0]

const sources: Record<string, (t: Test) => Promise<Old>> = {
  '@fastify/session': oldFastifySession,
  'express-session': oldExpressSession,
  '@fastify/secure-session': oldSecureSession,
  'iron-session': oldIronSession,
  'better-auth': oldBetterAuth,
  'auth.js': oldAuthJs
}

for (const [name, open] of Object.entries(sources)) {
  t.test(`${name}: a signed-in user stays signed in after the switch, in one session, with the data`, async t => {
    const old = await open(t)
    const ada = await old.signIn('ada')
    const linus = await old.signIn('linus')
    const userId = await old.idOf?.(ada) ?? 'ada'
    const { url, app, events } = await newApp(t, old)

    const before = ada.copy().at(url)
    const answers = await Promise.all(Array.from({ length: 6 }, () => ada.at(url).get('/who')))
    const cookies = new Set(answers.map(answer => answer.headers.getSetCookie().find(cookie => cookie.startsWith('sid='))))
    t.equal(cookies.size, 1, 'one token for all')
    t.match([...cookies][0], /^sid=[\w-]{68}\./)
    for (const answer of answers) t.match(await answer.json(), { userId, data: { cart: /book/ } })
    t.equal(await app.sessions.count({ userId }), 1, 'one session')
    t.equal(events.filter(({ type }) => type === 'adopted').length, 1)

    t.equal((await before.get('/me')).status, 200, 'a seventh request that was late')
    const me = await (await before.get('/me')).json()
    t.match(me, { userId, info: { authenticatedAt: null, methods: [`adopted:${name}`] } })
    const other = linus.at(url)
    t.equal((await other.get('/me')).status, 200)
    t.equal((await other.post('/data', { more: 1 })).status, 200)
    t.match(await (await other.get('/who')).json(), { data: { cart: /book/, more: 1 } })
    t.equal(await app.sessions.count({}), 2)
  })

  t.test(`${name}: a logout is final in both libraries`, async t => {
    const old = await open(t)
    const browser = await old.signIn('ada')
    const stolen = browser.copy()
    const { url } = await newApp(t, old)
    const jar = browser.at(url)
    t.equal((await jar.get('/me')).status, 200)
    const copied = jar.copy()
    t.equal((await jar.post(`${api}/logout`, {})).status, 200)
    for (const [who, cookies] of Object.entries({ jar, copied, stolen: stolen.at(url) })) { t.equal((await cookies.get('/me')).status, 401, who) }
    t.match(
      await (await stolen.at(url).get('/me')).json(),
      old.stored ? { code: 'FST_SESSION_REQUIRED' } : { code: 'FST_SESSION_ENDED', reason: 'logout' }
    )
    if (old.stored) t.match(await (await stolen.at(old.url).get('/me')).json(), { user: null })
  })
}

for (const [name, open] of Object.entries(sources)) {
  t.test(`${name}: when the new cookie has been presented, the old one is invalid in both libraries and is deleted`, async t => {
    const old = await open(t)
    const browser = await old.signIn('ada')
    const oldCookies = browser.copy()
    const { url, app, clock } = await newApp(t, old)
    const jar = browser.at(url)
    for (let i = 0; i < 2; i++) t.equal((await jar.get('/me')).status, 200)
    if (old.stored) t.notMatch(await (await oldCookies.get('/me')).json(), { user: null }, 'not before that')
    await app.sessions.flush()
    clock.now += 91_000
    const retired = once(app, 'migration', { source: name, result: 'retired' })
    await jar.get('/me')
    await retired
    t.ok((await jar.get('/me')).headers.getSetCookie().some(cookie => cookie.startsWith(`${old.cookie}=; Max-Age=0`)))
    t.strictSame(jar.cookies().filter(cookie => cookie.startsWith(`${old.cookie}=`)), [])
    t.equal((await jar.get('/me')).status, 200)
    t.equal((await oldCookies.copy().at(url).get('/me')).status, 401)
    if (old.stored) t.match(await (await oldCookies.get('/me')).json(), { user: null })
  })

  t.test(`${name}: logging out everywhere includes browsers that have not been migrated yet`, async t => {
    const old = await open(t)
    const [here, there] = [await old.signIn('ada'), await old.signIn('linus')]
    const userId = await old.idOf?.(there) ?? 'linus'
    const { url, app, clock } = await newApp(t, old)
    t.equal((await here.at(url).get('/me')).status, 200)
    clock.now += 1000
    await app.sessions.revokeUser(userId)
    t.match(await (await there.at(url).get('/me')).json(), { code: 'FST_SESSION_ENDED', reason: 'revoked' })
    t.equal((await here.at(url).get('/me')).status, 200, 'others are not')
  })
}
