import { randomUUID } from 'node:crypto'
import Database from 'libsql'
import t from 'tap'
import { fromAuthJs, fromFastifySession, fromIronSession, fromSecureSession } from '../../lib/migration/index.ts'
import type { CallbackStore, LegacyAdapter } from '../../lib/migration/index.ts'
import { oldIronSession, oldSecureSession, sodium } from '../helpers/legacy-others.ts'
import { newApp, oldFastifySession, oldSecret, ownerInData } from '../helpers/legacy.ts'
import type { Old } from '../helpers/legacy.ts'

const password = 'the password of the old library, long enough'

t.test('password ids of iron-session that every object inherits open no seal, and leave everybody else signed in', async t => {
  const old = await oldIronSession(t)
  const ada = await old.signIn('ada')
  const { url, send, events } = await newApp(t, old)
  for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '']) {
    for (let i = 0; i < 3; i++) {
      const cookie = `${old.cookie}=${encodeURIComponent(`Fe26.2*${id}*a*b*c*99999999999999*d*e~2`)}`
      t.equal((await send('/me', { cookie })).statusCode, 401, id)
      t.equal((await send('/api/v1/auth/sessions/logout', { method: 'POST', cookie, payload: {} })).statusCode, 200, id)
    }
  }
  t.equal((await ada.at(url).get('/me')).status, 200)
  t.notOk(events.some(({ type }) => type === 'migration-failed'))
})

t.test('iron-session: a password that the library would not take is refused at the start', async t => {
  const unsealData = async (): Promise<unknown> => ({})
  for (const wrong of ['short', { 1: password, 2: 'short' }, {}, undefined, 5]) {
    t.throws(() => fromIronSession({ unsealData, password: wrong as never, cookieName: 'x' }), { code: 'FST_SESSION_INVALID_OPTION' })
  }
})

const sealed: Record<string, (t: Parameters<typeof oldIronSession>[0]) => Promise<Old>> = {
  'iron-session': t => oldIronSession(t, { identity: signInOf }),
  async '@fastify/secure-session' (t) {
    const old = await oldSecureSession(t)
    return { ...old, adapter: fromSecureSession({ sodium, key: Buffer.alloc(32, 7), remember: true, identity: signInOf }) }
  }
}

for (const [name, open] of Object.entries(sealed)) {
  t.test(`${name}: guests whose cookies \`identity\` cannot read keep no user out`, async t => {
    const old = await open(t)
    const guest = await old.signIn('guest')
    await guest.post('/set', { user: null, signIn: null })
    const ada = await old.signIn('ada')
    const { url, events } = await newApp(t, old)
    for (let i = 0; i < 12; i++) t.equal((await guest.copy().at(url).get('/me')).status, 401)
    t.equal((await ada.at(url).get('/me')).status, 200)
    t.match(events.filter(({ type }) => type === 'migration-failed'), [{ operation: 'load', error: 'TypeError' }], 'said once')
  })
}

t.test('a token that a typed column of Auth.js refuses is unknown, and no failure of the database', async t => {
  const db = new Database(':memory:')
  t.teardown(() => { db.close() })
  const token = randomUUID()
  // PostgreSQL, with a column of type uuid
  const strict = (text: string): void => {
    if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text)) return
    throw Object.assign(new Error(`invalid input syntax for type uuid: "${text}"`), { code: '22P02' })
  }
  const adapter = fromAuthJs({
    adapter: {
      async getSessionAndUser (text) {
        strict(text)
        return text === token ? { session: { userId: 'ada', expires: new Date(Date.now() + 3_600_000) } } : null
      },
      async deleteSession (text) { strict(text) }
    }
  })
  const { send, events } = await newApp(t, { adapter } as Old)
  for (let i = 0; i < 12; i++) {
    const cookie = 'authjs.session-token=0123456789abcdef'
    t.equal((await send('/me', { cookie })).statusCode, 401)
    t.equal((await send('/api/v1/auth/sessions/logout', { method: 'POST', cookie, payload: {} })).statusCode, 200)
  }
  t.equal((await send('/me', { cookie: `authjs.session-token=${token}` })).statusCode, 200)
  t.ok(events.filter(({ type }) => type === 'migration-failed').length <= 1)
})

t.test('one record that cannot be read keeps its own user out, and no other', async t => {
  const old = await oldFastifySession(t)
  const [ada, linus] = [await old.signIn('ada'), await old.signIn('linus')]
  const store: Pick<CallbackStore, 'get'> = {
    get (id: string, done: (error: unknown, session: unknown) => void) {
      const answer = (_error: unknown, session: { user: { id: string } }): void => {
        // as connect-redis does with a value that another program wrote
        if (session.user.id === 'linus') { try { JSON.parse('{"cookie":') } catch (error) { done(error, null) } } else done(null, session)
      }
      void old.adapter.load(id)
      void Promise.resolve(old.adapter.load(id)).then(session => { answer(null, session?.data as never) })
    }
  }
  const unused = (): void => {}
  const adapter: LegacyAdapter = fromFastifySession({ secret: oldSecret, store: { ...store, set: unused, destroy: unused } })
  const { url } = await newApp(t, { ...old, adapter, resolveUserId: ownerInData })
  for (let i = 0; i < 12; i++) t.equal((await linus.copy().at(url).get('/me')).status, 401)
  t.equal((await ada.at(url).get('/me')).status, 200)
})

function signInOf (data: Record<string, unknown>): string {
  return `${(data['user'] as { id: string }).id} ${data['signIn'] as string}`
}
