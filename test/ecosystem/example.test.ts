import t from 'tap'
import { demo, Jar } from '../helpers/demo.ts'

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'
const api = '/api/v1/auth/sessions'
const minutes = 60_000

t.test('two devices sign in, see each other, and one ends the other, which is told why', async t => {
  const { url } = await demo(t)
  const laptop = new Jar(url, firefox)
  const phone = new Jar(url, iphone)
  t.match(
    (await laptop.post('/login', { name: 'ada', password: 'ada' })).headers.get('set-cookie'),
    /^sid=[\w-]{68}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/
  )
  t.match(
    (await phone.post('/login', { name: 'ada', password: 'ada', remember: true })).headers.get('set-cookie'),
    /; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/
  )
  t.match(await (await laptop.get('/me')).json(), { userId: 'ada', visits: 1 })
  t.match(await (await laptop.get('/me')).json(), { userId: 'ada', visits: 2 }, 'data is kept')

  const { sessions } = await (await laptop.get(api)).json() as { sessions: { id: string }[] }
  t.match(sessions, [
    { current: true, deviceLabel: 'Firefox on Linux', device: { type: 'desktop' }, remembered: false },
    { current: false, deviceLabel: 'Safari on iPhone', device: { type: 'mobile' }, remembered: true }
  ])
  t.equal(sessions.length, 2)

  t.same(await (await laptop.post(`${api}/revoke`, { id: sessions[1]?.id })).json(), { revoked: 1 })
  const refused = await phone.get('/me')
  t.equal(refused.status, 401)
  t.match(await refused.json(), { code: 'FST_SESSION_ENDED', reason: 'revoked' })
  t.equal((await laptop.get('/me')).status, 200)
})

t.test('a limit of three leaves the three newest of five sign-ins, and three of twenty at once', async t => {
  const { app, url, clock } = await demo(t)
  const jars = Array.from({ length: 5 }, () => new Jar(url, firefox))
  for (const jar of jars) {
    await jar.post('/login', { name: 'grace', password: 'grace' })
    clock.now += 1000
  }
  const answers = await Promise.all(jars.map(jar => jar.get('/me')))
  t.same(answers.map(answer => answer.status), [401, 401, 200, 200, 200])
  t.match(await answers[0]?.json(), { reason: 'evicted' })

  await Promise.all(Array.from({ length: 20 }, () => new Jar(url, firefox).post('/login', { name: 'linus', password: 'linus' })))
  t.equal(await app.sessions.count({ userId: 'linus' }), 3)
})

t.test('a session ends when it is idle, and at its absolute deadline however busy it is', async t => {
  const { url, clock } = await demo(t)
  const idle = new Jar(url, firefox)
  await idle.post('/login', { name: 'ada', password: 'ada' })
  clock.now += 30 * minutes - 1
  t.equal((await idle.get('/me')).status, 200)
  clock.now += 30 * minutes
  t.match(await (await idle.get('/me')).json(), { reason: 'idle-timeout' })

  const busy = new Jar(url, firefox)
  await busy.post('/login', { name: 'ada', password: 'ada' })
  for (let i = 0; i < 24; i++) {
    clock.now += 29 * minutes
    t.equal((await busy.get('/me')).status, 200)
  }
  clock.now += 24 * minutes
  t.match(await (await busy.get('/me')).json(), { reason: 'absolute-timeout' })
})

t.test('a remembered session outlives the day, and ends after its own idle time', async t => {
  const { url, clock } = await demo(t)
  const jar = new Jar(url, firefox)
  await jar.post('/login', { name: 'ada', password: 'ada', remember: true })
  clock.now += 13 * 24 * 60 * minutes
  const answer = await jar.get('/me')
  t.equal(answer.status, 200)
  t.match(answer.headers.get('set-cookie'), /^sid=[^;]+; Max-Age=1468800;/, 'a new verifier, for what is left of its life')
  clock.now += 15 * 24 * 60 * minutes
  t.match(await (await jar.get('/me')).json(), { reason: 'idle-timeout' })
})

t.test('who signs out is out: the old cookie opens nothing, also after a restart', async t => {
  const first = await demo(t)
  const jar = new Jar(first.url, firefox)
  await jar.post('/login', { name: 'ada', password: 'ada' })
  const stolen = jar.copy()
  const out = await jar.post(`${api}/logout`, {})
  t.match(out.headers.get('set-cookie'), /^sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=\/; HttpOnly; SameSite=Lax$/)
  t.equal((await jar.get('/me')).status, 401)
  t.match(await (await stolen.get('/me')).json(), { reason: 'logout' })
  const second = await demo(t)
  t.equal((await stolen.at(second.url).get('/me')).status, 401)
})

t.test('a wrong password is a plain refusal, and the pages of the demo are served with a strict policy', async t => {
  const { url } = await demo(t)
  const jar = new Jar(url, firefox)
  const refused = await jar.post('/login', { name: 'ada', password: 'grace' })
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('set-cookie'), null)
  for (const path of ['/', '/demo.js', '/demo.css']) {
    const page = await jar.get(path)
    t.equal(page.status, 200)
    t.match(page.headers.get('content-security-policy'), /default-src 'none'/)
    t.equal(page.headers.get('set-cookie'), null)
  }
  t.same(await (await jar.get('/public')).json(), { hello: 'world' })
})
