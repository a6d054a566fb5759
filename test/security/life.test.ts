import { inspect } from 'node:util'
import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { api, cookieOf, gate, secret, setCookies, testApp } from '../helpers/app.ts'
import type { TestApp } from '../helpers/app.ts'
import { Network } from '../helpers/network.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** A memory store that several apps share, one after the other: closing one does not empty it. */
function lastingStore () {
  return Object.assign(memoryStore(), { close: () => {} })
}

/** What the store holds of live sessions, expired ones too. */
async function rawCount ({ app }: TestApp): Promise<number> {
  return (await app.sessions.totals()).live
}

/** A request that changes something. */
const post = <T extends object>(options: T): T & { method: 'POST' } => ({ method: 'POST', ...options })

t.test('row 32: after login, the previous cookie is invalid, for guests and users', async t => {
  const { send, signIn, app } = await testApp(t)
  const guest = cookieOf(await send('/data', post({ payload: { cart: ['x'] } })))
  const ada = cookieOf(await send('/login', post({ cookie: guest, payload: { userId: 'ada' } })))
  const again = cookieOf(await send('/login', post({ cookie: ada, payload: { userId: 'ada' } })))
  const eve = cookieOf(await send('/login', post({ cookie: again, payload: { userId: 'eve' } })))
  const ids = await Promise.all(
    [guest, ada, again, eve].map(async cookie => (await send('/who', { cookie })).json<{ userId: string | null }>().userId)
  )
  t.strictSame(ids, [null, null, null, 'eve'])
  t.equal(new Set([guest, ada, again, eve]).size, 4)
  t.equal(await app.sessions.count(), 1)
  // a thief who plants a cookie of a session of their own
  const planted = await signIn('mallory')
  await send('/login', post({ cookie: planted, payload: { userId: 'ada' } }))
  t.equal((await send('/me', { cookie: planted })).statusCode, 401)
})

t.test('row 33: data planted before a login is gone after it', async t => {
  const { send } = await testApp(t, { keepOnLogin: ['cart', '__proto__'] })
  const guest = cookieOf(
    await send(
      '/data',
      post({ payload: { cart: [1], _csrf: 'known', role: 'admin', passport: { user: 'x' }, returnTo: '//evil.example' } })
    )
  )
  const user = cookieOf(await send('/login', post({ cookie: guest, payload: { userId: 'ada' } })))
  t.strictSame((await send('/who', { cookie: user })).json().data, { cart: [1] })
  const other = cookieOf(await send('/login', post({ cookie: user, payload: { userId: 'eve' } })))
  t.strictSame((await send('/who', { cookie: other })).json(), { userId: 'eve', data: {} }, 'a user takes nothing from another')
})

t.test('row 35, 38: a privilege change issues a new cookie at once, and the old cookie has none of the privileges', async t => {
  const { send, signIn } = await testApp(t, {}, app => {
    app.post('/promote', { config: { session: { required: true } } }, async request => {
      request.session.set('role', 'admin')
      await request.session.rotate()
      return {}
    })
    app.get('/admin', async (request, reply) => request.session.get('role') === 'admin' ? {} : reply.code(403).send({}))
  })
  const before = await signIn()
  t.equal((await send('/admin', { cookie: before })).statusCode, 403)
  const after = cookieOf(await send('/promote', post({ cookie: before })))
  t.not(after, before)
  t.equal((await send('/admin', { cookie: after })).statusCode, 200)
  t.equal((await send('/me', { cookie: before })).statusCode, 401)
  t.equal((await send('/admin', { cookie: before })).statusCode, 403)
})

t.test('row 36: a slow request during a rotation writes to the session, and keeps no old cookie valid', async t => {
  const [reading, held] = [gate(), gate()]
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.post('/rotate', async request => { await request.session.rotate(); return {} })
    app.get('/slow', async request => { request.session.set('late', true); reading.open(); await held.opened; return {} })
  })
  const old = await signIn()
  const slow = send('/slow', { cookie: old })
  await reading.opened
  const cookie = cookieOf(await send('/rotate', post({ cookie: old })))
  held.open()
  const answer = await slow
  t.equal(answer.statusCode, 200)
  t.strictSame(setCookies(answer), [])
  t.equal((await send('/me', { cookie: old })).statusCode, 401)
  t.strictSame((await send('/who', { cookie })).json(), { userId: 'ada', data: { late: true } })
  t.equal(await app.sessions.count(), 1)
})

t.test('row 39, 40: the server ends idle sessions, and every request resets the idle timeout', async t => {
  const { send, signIn, clock } = await testApp(t)
  const cookie = await signIn()
  for (let i = 0; i < 10; i++) {
    clock.now += 29 * minute
    t.equal((await send('/me', { cookie })).statusCode, 200)
  }
  clock.now += 30 * minute
  t.match((await send('/me', { cookie })).json(), { statusCode: 401, reason: 'idle-timeout' })
  t.match((await send('/me', { cookie })).json(), { statusCode: 401, reason: 'idle-timeout' }, 'asking does not wake it')
})

t.test('row 34, 40: reauthentication resets both timeouts; a refresh never resets the absolute one', async t => {
  const { send, signIn, clock } = await testApp(t, {}, app => {
    app.post('/again', async request => {
      await request.session.reauthenticate({ method: 'password' })
      return {}
    })
  })
  let cookie = await signIn()
  const started = clock.now
  const left = async () => (await send('/me', { cookie })).json<{ info: { expiresAt: number, absoluteExpiresAt: number } }>().info
  for (; clock.now < started + 11 * hour; clock.now += 25 * minute) await send('/me', { cookie })
  await send(`${api}/refresh`, post({ cookie }))
  t.equal((await left()).absoluteExpiresAt, started + 12 * hour)
  cookie = cookieOf(await send('/again', post({ cookie })))
  t.match(await left(), { absoluteExpiresAt: clock.now + 12 * hour, expiresAt: clock.now + 30 * minute })
})

t.test('row 41: no traffic extends a session past its absolute deadline', async t => {
  const { send, signIn, clock } = await testApp(t, {}, app => {
    app.post('/rotate', async request => {
      await request.session.rotate()
      return {}
    })
  })
  for (const [remember, absolute, step] of [[false, 12 * hour, 20 * minute], [true, 30 * day, 10 * hour]] as const) {
    let cookie = await signIn('ada', { remember })
    const started = clock.now
    let last = started
    for (let i = 0; clock.now < started + 5 * absolute; i++, clock.now += step) {
      const response =
        i % 5 === 0
          ? await send('/rotate', post({ cookie }))
          : i % 5 === 1
            ? await send(`${api}/refresh`, post({ cookie }))
            : i % 5 === 2
              ? await send('/data', post({ cookie, payload: { i } }))
              : await send('/me', { cookie })
      if (/^sid=./.test(cookieOf(response))) cookie = cookieOf(response)
      if ((await send('/me', { cookie })).statusCode === 200) last = clock.now
    }
    t.ok(last < started + absolute && last >= started + absolute - 2 * step, `${(last - started) / hour} of ${absolute / hour} hours`)
    t.equal((await send('/me', { cookie })).statusCode, 401)
  }
})

t.test('row 42, 43: by default a session expires, and the cleanup deletes it without a request', async t => {
  const app = await testApp(t)
  const { send, signIn, clock } = app
  const cookies = [await signIn('ada'), await signIn('bob', { remember: true }), cookieOf(await send('/data', post({ payload: { a: 1 } })))]
  clock.now += day
  await app.app.sessions.cleanup()
  t.equal(await rawCount(app), 1, 'a day later the remembered one is left')
  clock.now += 10 * 365 * day
  for (const cookie of cookies) t.equal((await send('/me', { cookie })).statusCode, 401)
  await app.app.sessions.cleanup()
  t.equal(await rawCount(app), 0)
})

t.test('row 44: a restart does not extend an idle session', async t => {
  const store = lastingStore()
  const first = await testApp(t, { store })
  const cookie = await first.signIn()
  await first.app.close()
  const next = await testApp(t, { store })
  next.clock.now += 30 * minute + 1
  t.match((await next.send('/me', { cookie })).json(), { statusCode: 401, reason: 'idle-timeout' })
})

t.test('row 45: a clock that jumps extends no session, ends none early, and creates no malformed cookie', async t => {
  const { send, signIn, clock, app } = await testApp(t)
  const started = clock.now
  const cookie = await signIn()
  const remembered = await signIn('bob', { remember: true })
  for (let i = 0; i < 6; i++) { clock.now += 20 * minute; await send('/me', { cookie }) }
  clock.now -= hour
  t.equal((await send('/me', { cookie })).statusCode, 200)
  const info = (await send('/me', { cookie })).json<{ info: { absoluteExpiresAt: number } }>().info
  t.equal(info.absoluteExpiresAt, started + 12 * hour)
  clock.now = started - hour
  t.equal((await send('/me', { cookie: remembered })).statusCode, 200)
  const login = await send('/login', post({ payload: { userId: 'eve', remember: true } }))
  t.match(setCookies(login), [/; Max-Age=2592000;/])
  t.strictSame((await app.sessions.listByUser('ada')).length, 1)
  clock.now = started + 12 * hour
  t.match((await send('/me', { cookie })).json(), { statusCode: 401 })
  // cleaned stays cleaned
  clock.now = started + 40 * day
  await app.sessions.cleanup()
  clock.now = started
  for (const gone of [cookie, remembered]) t.equal((await send('/me', { cookie: gone })).statusCode, 401)
})

t.test('row 46: profiles have the timeouts of NIST SP 800-63B-4, in the options and in effect', async t => {
  for (const [profile, idle, absolute] of [['aal1', 30 * day, 30 * day], ['aal2', hour, day], ['aal3', 15 * minute, 12 * hour]] as const) {
    const { send, signIn, clock, app } = await testApp(t, { nistProfile: profile })
    t.strictSame(app.sessions.settings.policy.session, { idleTimeout: idle, absoluteTimeout: absolute })
    const cookie = await signIn()
    const { info } = (await send('/me', { cookie })).json<{ info: { createdAt: number, expiresAt: number, absoluteExpiresAt: number } }>()
    t.strictSame([info.expiresAt - info.createdAt, info.absoluteExpiresAt - info.createdAt], [idle, absolute])
    t.match((await send(`${api}/current`, { cookie })).json(), { idleLeft: idle / 1000, absoluteLeft: absolute / 1000 })
    clock.now += idle
    t.equal((await send('/me', { cookie })).statusCode, 401)
  }
})

t.test('row 46, 80: the published policy has every timeout and no secret', async t => {
  const key = 'a key of the tests, which is long enough too'
  const { app, send } = await testApp(t, { nistProfile: 'aal2', encryption: { keys: key } }, app => {
    app.get('/policy', async () => app.sessions.settings)
  })
  const shown = await send('/policy')
  t.match(shown.json(), {
    policy: { session: { idleTimeout: hour, absoluteTimeout: day } },
    remembers: false,
    historyRetention: 30 * day,
    ip: 'full'
  })
  for (const text of [secret, key, 'secrets', 'encryption']) { t.notOk(`${shown.body}${inspect(app.sessions)}${inspect(app.sessions.settings)}`.includes(text), text) }
})

t.test('row 47, 48: logout ends the session in the store and deletes the cookie in the browser', async t => {
  const { send, signIn, app } = await testApp(t)
  for (const remember of [false, true]) {
    const cookie = await signIn('ada', { remember })
    const { id } = (await send('/me', { cookie })).json<{ id: string }>()
    const out = await send(`${api}/logout`, post({ cookie }))
    t.match(setCookies(out), [/^sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=\/; HttpOnly; SameSite=Lax$/])
    t.match((await send('/me', { cookie })).json(), { statusCode: 401, reason: 'logout' })
    t.match(await app.sessions.get(id), { reason: 'logout', by: 'user' })
  }
})

t.test('row 49: Clear-Site-Data has only the types that the app names, and never cookies by default', async t => {
  for (const clearSiteData of [undefined, ['cache', 'storage'], ['cookies']] as const) {
    const { send, signIn } = await testApp(t, clearSiteData === undefined ? {} : { clearSiteData })
    const { headers } = await send(`${api}/logout`, post({ cookie: await signIn() }))
    t.equal(headers['clear-site-data'], clearSiteData?.map(type => `"${type}"`).join(', '))
    t.equal((await send(`${api}/logout`, post({}))).headers['clear-site-data'], undefined, 'nobody signed out')
  }
})

t.test('row 50, 51: reads, writes and renewals in flight cannot revive a session that ends', async t => {
  const ends: [string, (app: TestApp, cookie: string) => Promise<unknown>][] = [
    ['logout', (app, cookie) => app.send(`${api}/logout`, post({ cookie }))],
    ['revoked', app => app.app.sessions.revokeUser('ada')],
    ['idle-timeout', async app => { app.clock.now += 15 * day; await app.app.sessions.cleanup() }]
  ]
  for (const [reason, end] of ends) {
    for (const work of ['read', 'write', 'rotate', 'extend', 'reload', 'save', 'again', 'rename', 'stream'] as const) {
      const [reading, held] = [gate(), gate()]
      const app = await testApp(t, { flushInterval: 0 }, app => {
        app.get('/slow', async (request, reply) => {
          const { session } = request
          const { id } = session
          reading.open()
          await held.opened
          if (work === 'write') session.set('late', true)
          if (work === 'rotate') await session.rotate()
          if (work === 'extend') await session.extend()
          if (work === 'reload') await session.reload()
          if (work === 'save') { session.set('late', true); await session.save() }
          if (work === 'again') await session.reauthenticate()
          if (work === 'rename') return { renamed: await app.sessions.rename(String(id), 'x') }
          if (work === 'stream') { session.set('late', true); return reply.send((await import('node:stream')).Readable.from(['x'])) }
          return { userId: session.userId }
        })
      })
      const cookie = await app.signIn('ada', { remember: true })
      const slow = app.send('/slow', { cookie })
      await reading.opened
      await end(app, cookie)
      held.open()
      const answer = await slow
      const label = `${work} while it ends as ${reason}`
      t.ok([200, 401].includes(answer.statusCode), `${label}: ${answer.statusCode}`)
      if (!['read', 'rotate', 'rename'].includes(work)) t.match(answer.json(), { statusCode: 401, code: 'FST_SESSION_ENDED' }, label)
      t.strictSame(setCookies(answer), [], label)
      t.equal((await app.send('/me', { cookie })).statusCode, 401, label)
      t.equal(await rawCount(app), 0, label)
    }
  }
})

t.test('row 52: an ended session stays ended in a new process and on another node', async t => {
  const store = lastingStore()
  const first = await testApp(t, { store })
  const [out, revoked, live] = [await first.signIn(), await first.signIn(), await first.signIn()]
  await first.send(`${api}/logout`, post({ cookie: out }))
  const { id } = (await first.send('/me', { cookie: revoked })).json<{ id: string }>()
  await first.send(`${api}/revoke`, post({ cookie: live, payload: { id } }))
  const second = await testApp(t, { store })
  for (const [cookie, reason] of [
    [out, 'logout'],
    [revoked, 'revoked']
  ] as const) { t.match((await second.send('/me', { cookie })).json(), { statusCode: 401, reason }) }
  await first.app.close()
  const third = await testApp(t, { store })
  for (const cookie of [out, revoked]) t.equal((await third.send('/me', { cookie })).statusCode, 401)
  t.equal((await third.send('/me', { cookie: live })).statusCode, 200)
})

t.test('row 53: one call each revokes one session, the others, a user\'s, and all', async t => {
  const { send, signIn, app } = await testApp(t)
  const alive = async (cookies: readonly string[]) =>
    (await Promise.all(cookies.map(cookie => send('/me', { cookie })))).map(({ statusCode }) => statusCode === 200)
  const ada = [await signIn(), await signIn(), await signIn(), await signIn()]
  const bob = [await signIn('bob'), await signIn('bob')]
  const guest = cookieOf(await send('/data', post({ payload: { a: 1 } })))
  const { id } = (await send('/me', { cookie: ada[0] ?? '' })).json<{ id: string }>()
  t.match(await app.sessions.revoke(id), { reason: 'revoked' })
  t.equal(await app.sessions.revoke(id), null, 'once')
  t.strictSame(await alive(ada), [false, true, true, true])
  const mine = (await send('/me', { cookie: ada[1] ?? '' })).json<{ id: string }>()
  t.equal((await app.sessions.revokeUser('ada', { except: mine.id })).length, 2, 'after a changed password')
  t.strictSame(await alive(ada), [false, true, false, false])
  t.equal((await app.sessions.revokeUser('ada')).length, 1, 'after a closed account')
  t.strictSame(await alive([...ada, ...bob]), [false, false, false, false, true, true])
  await signIn('eve')
  t.equal((await app.sessions.revokeWhere({})).ended.length, 4)
  t.strictSame(await alive(bob), [false, false])
  t.match((await send('/who', { cookie: guest })).json(), { userId: null, data: {} })
  t.equal(await app.sessions.count(), 0)
})

t.test('row 54: the next request on the node that ended a session is rejected, despite its caches', async t => {
  for (const options of [{}, { store: new Network().node() }] satisfies SessionPluginOptions[]) {
    const { send, signIn, app } = await testApp(t, options)
    const cookie = await signIn()
    for (let i = 0; i < 3; i++) t.equal((await send('/me', { cookie })).statusCode, 200, 'known by now')
    await app.sessions.revokeUser('ada')
    t.match((await send('/me', { cookie })).json(), { statusCode: 401, reason: 'revoked' })
  }
})

t.test('row 57: beyond the limit the newest sessions stay, and the oldest end as evicted', async t => {
  for (const step of [1000, 0]) {
    const { send, clock, app, events } = await testApp(t, { maxSessions: 5 })
    const all: { cookie: string, id: string, at: number }[] = []
    for (let i = 0; i < 8; i++, clock.now += step) {
      const response = await send('/login', post({ payload: { userId: 'ada' } }))
      all.push({ cookie: cookieOf(response), id: response.json<{ id: string }>().id, at: clock.now })
    }
    t.equal(await app.sessions.count({ userId: 'ada' }), 5)
    const status = await Promise.all(all.map(async ({ cookie }) => (await send('/me', { cookie })).statusCode))
    t.equal(status.at(-1), 200, 'the newest is never its own victim')
    if (step > 0) t.strictSame(status, [401, 401, 401, 200, 200, 200, 200, 200])
    const evicted = events.filter(event => event.type === 'ended')
    t.match(evicted, [{ reason: 'evicted' }, { reason: 'evicted' }, { reason: 'evicted' }])
    if (step > 0) t.strictSame(evicted.map(({ id }) => id), all.slice(0, 3).map(({ id }) => id))
    t.equal((await send('/login', post({ payload: { userId: 'bob' } }))).statusCode, 200, 'a limit is one user\'s')
  }
})

t.test('row 58: of fifty parallel logins exactly the limit stays live', async t => {
  for (const options of [
    { maxSessions: 5 },
    { maxSessions: 5, store: new Network().node() },
    { maxSessions: { max: async () => 5, onExceeded: 'evict-idle' } },
    { maxSessions: { max: 5, onExceeded: 'reject' } }
  ] satisfies SessionPluginOptions[]) {
    const { send, app } = await testApp(t, options)
    const answers = await Promise.all(Array.from({ length: 50 }, () => send('/login', post({ payload: { userId: 'ada' } }))))
    t.equal(await app.sessions.count({ userId: 'ada' }), 5)
    const good = await Promise.all(answers.map(async answer => (await send('/me', { cookie: cookieOf(answer) })).statusCode))
    t.equal(good.filter(status => status === 200).length, 5)
    t.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 409))
  }
})

t.test('row 83: a remembered session survives a restart, is not fresh, and ends at its absolute timeout', async t => {
  const { send, signIn, clock } = await testApp(t, { routes: { fresh: '10m' } })
  let cookie = await signIn('ada', { remember: true })
  const started = clock.now
  for (clock.now += 13 * day; clock.now < started + 30 * day; clock.now += 13 * day) {
    const answer = await send('/me', { cookie })
    t.equal(answer.statusCode, 200)
    t.match(setCookies(answer)[0], `; Max-Age=${(started + 30 * day - clock.now) / 1000};`)
    cookie = cookieOf(answer)
    clock.now += 61_000
    t.match((await send(`${api}/revoke`, post({ cookie, payload: { scope: 'others' } }))).json(), {
      statusCode: 403,
      code: 'FST_SESSION_NOT_FRESH'
    })
  }
  clock.now = started + 30 * day
  t.match((await send('/me', { cookie })).json(), { statusCode: 401 })
})
