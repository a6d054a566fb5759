import t from 'tap'
import { SessionError, sessionErrors } from '../../lib/index.ts'
import type { SessionErrorCode } from '../../lib/index.ts'
import { toUserId } from '../../lib/model/user-id.ts'
import { cookieOf, testApp } from '../helpers/app.ts'

/** As the ids of MongoDB's driver: JSON stores them as text. */
class ObjectId {
  readonly #hex: string
  constructor (hex: string) { this.#hex = hex }
  toJSON (): string { return this.#hex }
}

/** As a model whose `id` is computed: JSON does not store it. */
class Model {
  readonly _id = '65f0c0ffee'
  get id (): string { return this._id }
}

t.test('ids of database drivers are taken as the text that JSON stores', async t => {
  const hex = '65f0c0ffee65f0c0ffee65f0'
  t.equal(toUserId(new ObjectId(hex)), hex)
  t.equal(toUserId(2n ** 63n), '9223372036854775808')
  const code = { code: 'FST_SESSION_INVALID_USER_ID' }
  for (const value of [
    new Date(),
    new Model(),
    { toJSON: () => ({ id: 1 }) },
    { toJSON: 'text' },
    { toString: () => 'ada' },
    Buffer.from('ada')
  ]) {
    t.throws(() => toUserId(value), code)
  }
  const { send, app } = await testApp(t, {}, app => {
    app.post('/in', async ({ session }) => { await session.login(new ObjectId(hex)); return {} })
  })
  const cookie = cookieOf(await send('/in', { method: 'POST' }))
  t.match((await send('/me', { cookie })).json(), { userId: hex })
  t.equal((await app.sessions.revokeUser(new ObjectId(hex))).length, 1)
})

t.test('resolveUserId sees the data as JSON stores it, so that a user is the same on every request', async t => {
  const seen: unknown[] = []
  const { send } = await testApp(t, {
    resolveUserId: data => {
      seen.push(data['user'])
      return (data['user'] as { id?: string } | undefined)?.id
    }
  }, app => {
    app.post('/in', async ({ session }) => { session.set('user', { id: 'ada', since: new Date(0), undefined }); return {} })
    app.post('/model', async ({ session }) => {
      session.set('user', Object.defineProperty({ name: 'ada' }, 'id', { get: () => 'ada' }))
      return {}
    })
    app.post('/more', async ({ session }) => { session.set('cart', []); return {} })
  })
  const cookie = cookieOf(await send('/in', { method: 'POST' }))
  t.match((await send('/who', { cookie })).json(), { userId: 'ada' })
  await send('/more', { method: 'POST', cookie })
  t.match((await send('/who', { cookie })).json(), { userId: 'ada', data: { cart: [] } })
  const stored = { id: 'ada', since: '1970-01-01T00:00:00.000Z' }
  t.strictSame(seen, [stored, stored])
  const guest = cookieOf(await send('/model', { method: 'POST' }))
  t.match(
    (await send('/who', { cookie: guest })).json(),
    { userId: null, data: { user: { name: 'ada' } } },
    'a value that is not stored signs in nobody, from the first request on'
  )
})

t.test('errors have the status and the exposure that filters of other frameworks read', t => {
  for (const [code, [status]] of Object.entries(sessionErrors)) {
    const error = new SessionError(code as SessionErrorCode)
    t.equal(error.status, status, code)
    t.equal(error.statusCode, status, code)
    t.equal(error.expose, status !== 500, code)
  }
  t.end()
})

t.test('an unknown option of a call is refused with the nearest name, and nothing happens', async t => {
  const { send, app } = await testApp(t, {}, app => {
    app.post('/in', async ({ session }) => { await session.login('ada', { rememberMe: true } as object); return {} })
    app.post('/again', async ({ session }) => { await session.reauthenticate({ methods: ['totp'] } as object); return {} })
    app.setErrorHandler(async (error, _request, reply) => reply.code(500).send({ text: (error as Error).message }))
  })
  t.match((await send('/in', { method: 'POST' })).json(), { text: /^Expected `login.rememberMe` to be `login.remember`\./ })
  t.equal(await app.sessions.count(), 0)
  const cookie = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada' } }))
  t.match((await send('/again', { method: 'POST', cookie })).json(), { text: /`reauthenticate.methods` to be `reauthenticate.method`/ })
})
