import t from 'tap'
import { setCookies, testApp } from '../helpers/app.ts'
import type { TestApp } from '../helpers/app.ts'
import { failingStore } from '../helpers/stores.ts'

const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const form = { ...link, origin: 'https://elsewhere.example' }
const image = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }
const frame = { ...link, 'sec-fetch-dest': 'iframe' }
const sibling = { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', origin: 'https://app.example.com' }

/** Adds a page and a form target that write for every visitor, as CSRF protection and flash messages do. */
const writers: Parameters<typeof testApp>[2] = app => {
  app.route({
    method: ['GET', 'POST'],
    url: '/write',
    exposeHeadRoute: true,
    handler: async ({ session }) => {
      session.set('flash', 1)
      return {}
    }
  })
  app.options('/write', async ({ session }) => { session.set('flash', 1); return {} })
  app.setNotFoundHandler(async ({ session }) => { session.set('flash', 1); return {} })
}

const lost = ({ events }: TestApp) => events.flatMap(event => event.type === 'write-lost' ? [event.error] : [])

t.test('a cross-site request without the cookie makes no guest: the browser may have a user\'s', async t => {
  const app = await testApp(t, {}, writers)
  const cases = [
    ['POST', form],
    ['GET', image],
    ['GET', frame],
    ['POST', { origin: 'https://elsewhere.example' }],
    ['POST', { origin: 'null' }]
  ] as const
  for (const [method, headers] of cases) {
    const response = await app.send('/write', { method, headers })
    t.equal(response.statusCode, 200)
    t.strictSame(setCookies(response), [], `${method} ${JSON.stringify(headers)}`)
  }
  t.equal(await app.app.sessions.count(), 0)
  t.strictSame(lost(app), ['a cross-site request without the session cookie makes no guest session'], 'a minute has one event')
})

t.test('a request that is not cross-site, or to which the browser sends the cookie, makes a guest', async t => {
  const { send, app } = await testApp(t, {}, writers)
  const own = { origin: 'http://localhost' }
  const cases = [['GET', link], ['POST', sibling], ['POST', { 'sec-fetch-site': 'same-origin' }], ['POST', {}], ['POST', own]] as const
  for (const [method, headers] of cases) {
    t.equal(setCookies(await send('/write', { method, headers })).length, 1, `${method} ${JSON.stringify(headers)}`)
  }
  t.equal(await app.sessions.count({ guest: true }), cases.length)
  const strict = await testApp(t, { cookie: { sameSite: 'strict' } }, writers)
  t.strictSame(setCookies(await strict.send('/write', { headers: link })), [], 'Strict is withheld from links')
  const none = await testApp(t, { cookie: { sameSite: 'none', secure: true } }, writers)
  t.equal(
    setCookies(await none.send('/write', { method: 'POST', headers: form, remoteAddress: '192.0.2.1' })).length,
    1,
    'None is not withheld'
  )
})

t.test('a cross-site request that has the cookie, even of an ended session, writes and makes a guest', async t => {
  const { send, signIn, app } = await testApp(t, {}, writers)
  const cookie = await signIn()
  t.strictSame(setCookies(await send('/write', { method: 'POST', headers: form, cookie })), [])
  t.match((await send('/who', { cookie })).json(), { userId: 'ada', data: { flash: 1 } })
  await app.sessions.revokeUser('ada')
  t.equal(setCookies(await send('/write', { method: 'POST', headers: form, cookie })).length, 1)
})

t.test('a cross-site sign-in works: an identity provider posts its response', async t => {
  const { send } = await testApp(t, {}, app => {
    app.post('/callback', async ({ session }) => { session.set('state', null); await session.login('ada'); return {} })
  })
  t.equal(setCookies(await send('/callback', { method: 'POST', headers: form })).length, 1)
})

t.test('while the store fails, an anonymous request makes no guest, and the user is signed in afterwards', async t => {
  let down = false
  const store = failingStore(() => down)
  const app = await testApp(t, { store, onStoreError: 'anonymous' }, writers)
  const { send, signIn } = app
  const cookie = await signIn()
  down = true
  for (let i = 0; i < 3; i++) {
    const response = await send('/write', { cookie, method: 'POST' })
    t.equal(response.statusCode, 200)
    t.strictSame(setCookies(response), [])
  }
  t.strictSame(lost(app), ['the store failed, and the browser may have a session'])
  t.equal(setCookies(await send('/write', { method: 'POST' })).length, 1, 'a request without a cookie asked nothing of the store')
  down = false
  t.match((await send('/who', { cookie })).json(), { userId: 'ada', data: {} })
})

t.test('HEAD, OPTIONS and requests without a route make no guest, and write for who has a session', async t => {
  const { send, signIn, app } = await testApp(t, {}, writers)
  for (const [method, url] of [['HEAD', '/write'], ['OPTIONS', '/write'], ['GET', '/nowhere'], ['POST', '/nowhere']] as const) {
    for (let i = 0; i < 3; i++) t.strictSame(setCookies(await send(url, { method })), [], `${method} ${url}`)
  }
  t.equal(await app.sessions.count(), 0)
  const cookie = await signIn()
  await send('/nowhere', { cookie })
  t.match((await send('/who', { cookie })).json(), { data: { flash: 1 } })
})
