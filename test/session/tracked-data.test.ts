// what a write says of the data, and what it leaves alone
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { SessionPluginOptions, Store } from '../../lib/index.ts'
import { cookieOf, setCookies, testApp } from '../helpers/app.ts'
import type { TestApp } from '../helpers/app.ts'
import { Network } from '../helpers/network.ts'
import { DecodedDataCache } from '../../lib/session/decoded-data.ts'
import { TrackedData } from '../../lib/session/tracked-data.ts'

type Handler = (session: FastifyRequest['session'] & Record<string, unknown>) => Promise<unknown>
type Data = Record<string, unknown>

type Test = { teardown: (fn: () => unknown) => void }

interface Run {
  readonly store: Store
  readonly user: boolean
  readonly handler: Handler
  readonly options?: SessionPluginOptions
}

interface Result {
  readonly returned: unknown
  readonly stored: Data
  readonly app: TestApp
}

const stores: Readonly<Record<string, () => Store>> = { memory: () => memoryStore(), network: () => new Network().node() }

/** Runs one handler with a user's or a guest's session. Returns what the handler returned, and what the next request reads. */
async function run (t: Test, { store, user, handler, options = {} }: Run): Promise<Result> {
  const app = await testApp(t, { store, ...options }, app => {
    app.get('/run', async ({ session }) => handler(session as never))
  })
  const cookie = user ? await app.signIn() : undefined
  const response = await app.send('/run', cookie === undefined ? {} : { cookie })
  const next = setCookies(response).length > 0 ? cookieOf(response) : cookie
  const stored = (await app.send('/who', next === undefined ? {} : { cookie: next })).json<{ data: Data }>().data
  return { returned: response.json(), stored, app }
}

for (const [kind, newStore] of Object.entries(stores)) {
  for (const user of [true, false]) {
    const who = `a ${user ? 'user' : 'guest'} on a ${kind} store`

    t.test(`${who} keeps what is set while a write is in flight`, async t => {
      const { returned, stored, app } = await run(t, {
        store: newStore(), user, async handler (session) {
          session['a'] = 1
          const saving = session.save()
          session['b'] = 2
          await saving
          return session.data()
        }
      })
      t.strictSame([returned, stored], [{ a: 1, b: 2 }, { a: 1, b: 2 }])
      t.strictSame(app.events.filter(({ type }) => type === 'write-lost'), [])
      t.equal(await app.app.sessions.count(), 1)
    })

    t.test(`${who} keeps what changes within a value, and writes it again at the response`, async t => {
      const { returned, stored } = await run(t, {
        store: newStore(), user, async handler (session) {
          const cart = ['tea']
          Object.assign(session, { cart, step: 1 })
          const saving = session.save()
          cart.push('milk')
          session['step'] = 2
          await saving
          return { same: session['cart'] === cart, ...session.data() }
        }
      })
      t.strictSame(returned, { same: true, cart: ['tea', 'milk'], step: 2 })
      t.strictSame(stored, { cart: ['tea', 'milk'], step: 2 })
    })

    t.test(`${who} loses what is deleted while a write is in flight`, async t => {
      const { returned, stored } = await run(t, {
        store: newStore(), user, async handler (session) {
          Object.assign(session, { a: 1, b: 2 })
          const saving = session.save()
          delete session['b']
          await saving
          return session.data()
        }
      })
      t.strictSame([returned, stored], [{ a: 1 }, { a: 1 }])
    })

    t.test(`${who} may save twice at once: one session, and both writes`, async t => {
      const { returned, stored, app } = await run(t, {
        store: newStore(), user, async handler (session) {
          Object.assign(session, { a: 1, b: 1 })
          const first = session.save()
          session['b'] = 2
          delete session['a']
          const second = session.save()
          session['c'] = 3
          await Promise.all([first, second])
          return session.data()
        }
      })
      t.strictSame([returned, stored], [{ b: 2, c: 3 }, { b: 2, c: 3 }])
      t.equal(await app.app.sessions.count(), 1)
    })

    t.test(`${who} signs in, and keeps what is set meanwhile, but not what was there before`, async t => {
      const { returned, stored, app } = await run(t, {
        store: newStore(), user, options: { keepOnLogin: ['cart', 'gone', 'theme'] }, async handler (session) {
          const cart = ['tea']
          Object.assign(session, { cart, gone: true, planted: true, theme: 'light', replaced: 1 })
          const login = session.login('bob', { data: { role: 'reader', theme: 'dark', defaults: { size: 1 } } })
          cart.push('milk')
          delete session['gone']
          Object.assign(session, { added: 1, replaced: 2 })
          await login
          return { same: session['cart'] === cart, userId: session.userId, ...session.data() }
        }
      })
      // of another user's data, nothing is kept
      const kept = user ? {} : { cart: ['tea', 'milk'] }
      const data = { ...kept, replaced: 2, added: 1, role: 'reader', theme: 'dark', defaults: { size: 1 } }
      t.same(returned, { same: !user, userId: 'bob', ...data })
      t.same(stored, data)
      t.equal(await app.app.sessions.count(), 1)
    })
  }

  t.test(`a sign-in during a guest's creation on a ${kind} store replaces the guest`, async t => {
    const { returned, stored, app } = await run(t, {
      store: newStore(), user: false, async handler (session) {
        session['a'] = 1
        const saving = session.save()
        const login = session.login('bob')
        session['b'] = 2
        const again = session.save()
        await Promise.all([saving, login, again])
        return { userId: session.userId, ...session.data() }
      }
    })
    t.strictSame([returned, stored], [{ userId: 'bob', b: 2 }, { b: 2 }])
    t.equal(await app.app.sessions.count(), 1)
  })

  t.test(`a sign-out during a sign-in on a ${kind} store leaves nobody signed in`, async t => {
    const { returned, stored, app } = await run(t, {
      store: newStore(), user: false, async handler (session) {
        await Promise.all([session.login('bob', { data: { role: 'reader' } }), session.logout()])
        return { userId: session.userId, ...session.data() }
      }
    })
    t.strictSame([returned, stored], [{ userId: null }, {}])
    t.equal(await app.app.sessions.count(), 0)
  })

  t.test(`regenerate on a ${kind} store keeps what is set while the new session is made`, async t => {
    for (const user of [true, false]) {
      const { returned, stored, app } = await run(t, {
        store: newStore(), user, async handler (session) {
          const cart = ['tea']
          Object.assign(session, { cart, junk: true })
          await session.regenerate(['cart'])
          session['a'] = 1
          const saving = session.save()
          cart.push('milk')
          session['b'] = 2
          await saving
          return { same: session['cart'] === cart, ...session.data() }
        }
      })
      t.same(returned, { same: true, cart: ['tea', 'milk'], a: 1, b: 2 })
      t.same(stored, { cart: ['tea', 'milk'], a: 1, b: 2 })
      t.equal(await app.app.sessions.count(), 1)
    }
  })

  t.test(`reload on a ${kind} store drops what was not saved, and keeps what is set meanwhile`, async t => {
    const { returned, stored } = await run(t, {
      store: newStore(), user: true, async handler (session) {
        Object.assign(session, { a: 1, nested: { deep: 1 }, gone: 1 })
        await session.save()
        Object.assign(session, { a: 2, unsaved: true })
        ;(session['nested'] as { deep: number }).deep = 2
        const reload = session.reload()
        session['b'] = 2
        delete session['gone']
        await reload
        return session.data()
      }
    })
    t.same(returned, { a: 1, nested: { deep: 1 }, b: 2 })
    t.same(stored, { a: 1, nested: { deep: 1 }, b: 2 })
  })
}

t.test('saves that meet a failing store all reject, and the data of the handler stays', async t => {
  const store: Store = Object.assign(memoryStore(), { update: () => { throw new Error('away') } })
  const { returned, stored } = await run(t, {
    store, user: true, async handler (session) {
      session['a'] = 1
      const first = session.save()
      session['b'] = 2
      const second = session.save()
      const results = await Promise.allSettled([first, second])
      const third = await session.save().catch((error: unknown) => error)
      const errors = [...results.map(result => (result as { reason?: unknown }).reason), third]
      return { codes: errors.map(error => (error as { code: string }).code), ...session.data() }
    }
  })
  t.same(returned, { codes: Array(3).fill('FST_SESSION_STORE_UNAVAILABLE'), a: 1, b: 2 })
  t.same(stored, {})
})

t.test('a login that fails leaves the guest and the data', async t => {
  const options: SessionPluginOptions = { maxSessions: { max: 1, onExceeded: 'reject' }, keepOnLogin: ['cart'] }
  const app = await testApp(t, options, app => {
    app.get('/try', async ({ session }) => {
      session.set('cart', ['tea'])
      session.set('theme', 'dark')
      const [login] = await Promise.allSettled([session.login('ada', { data: { role: 'reader' } })])
      return { rejected: login.status === 'rejected', ...session.data() }
    })
  })
  await app.signIn()
  const response = await app.send('/try')
  t.same(response.json(), { rejected: true, cart: ['tea'], theme: 'dark' })
  t.same((await app.send('/who', { cookie: cookieOf(response) })).json(), { userId: null, data: { cart: ['tea'], theme: 'dark' } })
})

t.test('a large value can take the place of another', async t => {
  const large = 'x'.repeat(40_000)
  const { returned, stored } = await run(t, {
    store: memoryStore(), user: true, async handler (session) {
      session['a'] = large
      await session.save()
      delete session['a']
      session['b'] = large
      await session.save()
      session['c'] = large
      const code = await session.save().catch((error: unknown) => (error as { code: string }).code)
      delete session['c']
      return { code }
    }
  })
  t.same(returned, { code: 'FST_SESSION_DATA_TOO_LARGE' })
  t.same(stored, { b: large })
})

t.test('a handler that throws during its own login leaves no session', async t => {
  const app = await testApp(t, {}, app => {
    app.get('/throws', async ({ session }) => {
      void session.login('ada')
      throw new Error('boom')
    })
  })
  const response = await app.send('/throws')
  t.equal(response.statusCode, 500)
  t.equal(await app.app.sessions.count(), 0)
})

t.test('data that JSON cannot hold, on a hijacked reply, is reported as lost', async t => {
  const app = await testApp(t, {}, app => {
    app.get('/hijack', (request, reply) => {
      request.session.set('big', 1n)
      reply.hijack()
      reply.raw.end('raw')
    })
  })
  t.equal((await app.send('/hijack', { cookie: await app.signIn() })).body, 'raw')
  t.match(app.events.filter(({ type }) => type === 'write-lost'), [{ userId: 'ada', error: /`big` holds a bigint/ }])
})

t.test('a write encodes each value once', async t => {
  const calls = t.capture(JSON, 'stringify', JSON.stringify)
  for (const user of [true, false]) {
    const value = ['text']
    const { stored } = await run(t, { store: memoryStore(), user, handler: async session => { session['value'] = value; return {} } })
    t.strictSame(stored, { value: ['text'] })
    const encodings = calls().filter(({ args }) => (args as readonly unknown[])[0] === value)
    t.equal(encodings.length, 2, 'and, outside of production, once more after the response, to report lost writes')
  }
})

t.test('changes name each key', t => {
  const data = new TrackedData<Data>({})
  data.load(new DecodedDataCache().of('id', { kept: '1', gone: '2', emptied: '3', changed: '4' }))
  t.equal(data.changes(), null)
  delete data.object['gone']
  Object.assign(data.object, { emptied: undefined, changed: 5, added: 6 })
  const changes = data.changes()
  t.match(changes, { set: { changed: '5', added: '6' }, unset: ['emptied', 'gone'], all: { kept: '1', changed: '5', added: '6' } })
  if (changes !== null) data.applied(changes)
  t.equal(data.changes(), null)
  t.end()
})
