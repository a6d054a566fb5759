import t from 'tap'
import type { LegacyAdapter } from '../../lib/migration/index.ts'
import { api, gate } from '../helpers/app.ts'
import { newApp, oldExpressSession, oldFastifySession, once, withoutCreate } from '../helpers/legacy.ts'

t.test('a failure of the legacy store is bounded and reported, and affects no other session', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  let trouble: (() => Promise<never>) | null = () => Promise.reject(new TypeError('down'))
  const hanging = gate()
  let loads = 0
  const adapter: LegacyAdapter = {
    ...old.adapter,
    load: async id => {
      loads++
      return trouble === null ? old.adapter.load(id) : trouble()
    }
  }
  const { url, app, events, send, signIn } = await newApp(t, old, { adapters: [adapter], timeout: 20 })
  const ours = await signIn('grace')
  const failed = await browser.copy().at(url).get('/me')
  t.equal(failed.status, 503, 'nobody is told to sign in again')
  t.equal(failed.headers.get('retry-after'), '1')
  t.match(
    events.filter(({ type }) => type === 'migration-failed'),
    [{ source: '@fastify/session', operation: 'load', error: 'TypeError', count: 1 }]
  )
  t.equal((await browser.copy().at(url).get('/who')).status, 200, 'pages for everybody go on')
  t.equal((await browser.copy().at(url).post('/login', { userId: 'ada' })).status, 200, 'and so does a new sign-in')
  t.equal((await send('/me', { cookie: ours })).statusCode, 200)

  trouble = () => hanging.opened as Promise<never>
  t.equal((await browser.copy().at(url).get('/me')).status, 503)
  for (let i = 0; i < 40; i++) await browser.copy().at(url).get('/me')
  t.ok(loads < 25, 'after five failures in a row it is left alone for a second')
  hanging.open()
  trouble = null
  t.equal((await browser.copy().at(url).post(`${api}/logout`, {})).status, 200, 'a sign-out does what it can')
  t.ok(await app.sessions.count({}) >= 2)
})

t.test('with `onStoreError: anonymous`, trouble of the old store is a visitor', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url } = await newApp(
    t,
    old,
    {
      adapters: [
        {
          ...old.adapter,
          load: () => {
            throw new Error('down')
          }
        }
      ]
    },
    { onStoreError: 'anonymous' }
  )
  t.equal((await browser.at(url).get('/me')).status, 401)
})

t.test('trouble of our own store is said as ever', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url } = await newApp(t, old, {}, { store: withoutCreate() })
  t.equal((await browser.copy().at(url).get('/me')).status, 503)
  t.equal((await browser.copy().at(url).get('/public')).status, 200)
  t.equal((await browser.copy().at(url).get('/who')).status, 503)
})

t.test('two libraries at once are taken over side by side; one that fails in passing is left to itself', async t => {
  const [one, two] = [await oldFastifySession(t), await oldExpressSession(t)]
  const [ada, grace] = [await one.signIn('ada'), await two.signIn('grace')]
  const { url, events, signIn, send } = await newApp(t, one, { adapters: [one.adapter, two.adapter], mode: 'shadow' })
  await ada.copy().at(url).get('/public')
  await grace.copy().at(url).get('/public')
  const other = await newApp(t, one, { adapters: [one.adapter, two.adapter] })
  t.equal((await ada.copy().at(other.url).get('/me')).status, 200)
  t.equal((await grace.copy().at(other.url).get('/me')).status, 200)
  t.equal(events.filter(({ type }) => type === 'adopted').length, 0)
  const failing = await newApp(t, one, {
    mode: 'shadow',
    adapters: [{ ...one.adapter, load: async () => Promise.reject(Object.create(null) as Error) }]
  })
  const failed = once(failing.app, 'migration-failed')
  await ada.copy().at(failing.url).get('/public')
  t.match(await failed, { error: 'Error' })
  t.equal((await send('/public', { cookie: await signIn('linus') })).statusCode, 200)
  const empty = await newApp(t, one, {
    mode: 'shadow',
    adapters: [{ ...one.adapter, load: () => ({ userId: null, data: {}, expiresAt: null }) }]
  })
  const nothing = once(empty.app, 'migration', { result: 'empty' })
  await ada.copy().at(empty.url).get('/public')
  await nothing
})

t.test('an adapter that cannot read a cookie does not take the request with it', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url, events } = await newApp(t, old, { adapters: [{ ...old.adapter, match: () => { throw new RangeError('unreadable') } }] })
  t.equal((await browser.at(url).get('/public')).status, 200)
  t.equal((await browser.at(url).get('/me')).status, 401)
  t.match(events.filter(({ type }) => type === 'migration-failed'), [{ operation: 'match', error: 'RangeError' }])
})
