import Fastify from 'fastify'
import t from 'tap'
import sessions, { memoryStore } from '../../lib/index.ts'
import type { EndedSession, Filter, Page, SessionInfo, SessionManagerOptions, SessionRecord, Store } from '../../lib/index.ts'
import { hasEnded } from '../../lib/model/record.ts'
import { EncryptedStore } from '../../lib/stores/wrappers/encrypted-store.ts'
import { FieldCipher } from '../../lib/stores/wrappers/field-cipher.ts'
import { firefox, secret, testApp } from '../helpers/app.ts'
import { passesConformanceTests } from '../helpers/laws.ts'
import { Network } from '../helpers/network.ts'
import { toDevice, unknownDevice } from '../../lib/model/device.ts'

type Encryption = NonNullable<SessionManagerOptions['encryption']>

const key = 'the key of the encryption, long enough'
const other = 'another key of the encryption, as long'
const everything: Encryption = { keys: key, ip: true, userAgent: true }

/** A store that outlives its apps, and whose sessions somebody may forge. */
function lasting () {
  const store = memoryStore()
  const forged = new Map<string, Partial<SessionRecord>>()
  const forge = <T extends SessionRecord | EndedSession>(found: T): T => hasEnded(found) ? found : { ...found, ...forged.get(found.id) }
  const lasting = Object.assign(store, {
    forged,
    onForged: (): void => {},
    read: ((read): Store['read'] => id => {
      const found = read(id) as SessionRecord | EndedSession | null
      if (forged.has(id)) lasting.onForged()
      return found === null ? null : forge(found)
    })(store.read.bind(store)),
    list: ((list): Store['list'] => (filter, page) => {
      const { items, cursor } = list(filter, page) as Page<SessionRecord>
      return { items: items.map(forge), cursor }
    })(store.list.bind(store))
  })
  return Object.defineProperty(lasting, 'durable', { value: true })
}

async function recordsOf (store: Store): Promise<readonly SessionRecord[]> {
  return (await store.list({}, { limit: 100, cursor: null, order: 'oldest' })).items
}

t.test('whoever holds the store reads neither data nor addresses nor agents; the app reads all', async t => {
  const store = lasting()
  const { send, signIn, app, clock } = await testApp(t, { store, encryption: everything, cookie: { secure: true } })
  const cookie = await signIn()
  await send('/data', { method: 'POST', payload: { cart: 'a very private thing' }, cookie })
  await send('/me', { cookie, remoteAddress: '198.51.100.7' })
  clock.now += 2000
  await app.sessions.flush()
  const dump = JSON.stringify([await recordsOf(store), await store.statistics(0, clock.now)])
  for (const secret of ['private', '127.0.0.1', '198.51.100.7', 'Firefox', firefox]) t.notMatch(dump, secret)
  const { info } = (await send('/me', { cookie, remoteAddress: '198.51.100.7' })).json<{ info: SessionInfo }>()
  t.match(info, { ip: '198.51.100.7', userAgent: firefox, device: { browser: 'Firefox', os: 'Linux' }, deviceLabel: 'Firefox on Linux' })
  t.equal((await send('/who', { cookie })).json().data.cart, 'a very private thing')
  await app.sessions.statistics('1h')
  t.notMatch(JSON.stringify(await store.statistics(0, clock.now)), '198.51.100.7')
  t.match(JSON.stringify((await app.sessions.statistics('1h'))), '127.0.0.1')
  t.match(await app.sessions.list(), { items: [{ ip: '198.51.100.7', userAgent: firefox }] })
  await app.sessions.revokeMany([info.id])
  t.notMatch(JSON.stringify(await store.history({}, { limit: 9, cursor: null, order: 'newest' })), 'Firefox')
  t.match(await app.sessions.history(), {
    items: [{ ip: '198.51.100.7', device: { browser: 'Firefox', version: '144', os: 'Linux', type: 'desktop' } }]
  })
})

t.test('without asking for more, the data alone is sealed', async t => {
  const store = lasting()
  const { send, signIn, app, clock } = await testApp(t, { store, encryption: { keys: key } })
  const cookie = await signIn()
  await send('/data', { method: 'POST', payload: { cart: 'private' }, cookie })
  clock.now += 2000
  await app.sessions.flush()
  const [record] = await recordsOf(store)
  t.equal(record?.userAgent, firefox)
  t.notMatch(JSON.stringify(record), 'private')
  t.equal((await app.sessions.list({ browser: 'firefox', ip: '127.0.0.0/8', search: 'ada' })).items.length, 1)
})

t.test('what is sealed cannot be looked for, and that is said', async t => {
  const { app } = await testApp(t, { store: lasting(), encryption: everything })
  const { sessions } = app
  const filters: Filter[] = [{ ip: '127.0.0.1' }, { browser: 'firefox' }, { os: 'linux' }, { search: 'x' }]
  for (const filter of filters) {
    for (const look of [
      sessions.list(filter),
      sessions.history(filter),
      sessions.count(filter),
      sessions.revokeWhere(filter)
    ] as Promise<unknown>[]) { await t.rejects(look, { code: 'FST_SESSION_INVALID_FILTER', statusCode: 400 }) }
  }
  t.equal(await sessions.count({ userId: 'ada', remembered: false }), 0)
  t.strictSame((await sessions.revokeWhere({ userId: 'ada' })).ended, [])
})

t.test('an encrypted value that was moved, changed or removed ends the session, with an event', async t => {
  const store = lasting()
  const { send, signIn, app, events } = await testApp(t, { store, encryption: everything })
  const forgeries: Record<string, (mine: SessionRecord, theirs: SessionRecord) => Partial<SessionRecord>> = {
    'another session': (_mine, theirs) => ({ data: theirs.data }),
    'another key': mine => ({ data: { role: mine.data['cart'] ?? '' } }),
    'another field': mine => ({ ip: mine.userAgent }),
    'a changed letter': mine => ({ userAgent: `${mine.userAgent?.slice(0, -8) ?? ''}AAAAAAAA` }),
    'no seal at all': () => ({ data: { role: '"admin"' } }),
    'a torn seal': () => ({ device: toDevice('~AAAA') }),
    'a seal of nobody': () => ({ device: toDevice(`~${'A'.repeat(90)}`) })
  }
  const idOf = async (cookie: string): Promise<string> => (await send('/me', { cookie })).json<{ id: string }>().id
  for (const [what, forge] of Object.entries(forgeries)) {
    const cookie = await signIn('ada')
    await send('/data', { method: 'POST', payload: { cart: 'mine' }, cookie })
    const victim = await signIn('bob')
    await send('/data', { method: 'POST', payload: { cart: 'theirs' }, cookie: victim })
    const id = await idOf(cookie)
    const [mine, theirs] = [await store.read(id), await store.read(await idOf(victim))] as [SessionRecord, SessionRecord]
    events.length = 0
    store.forged.set(id, forge(mine, theirs))
    t.match(
      await app.sessions.list({ userId: 'ada' }),
      { items: [{ id, data: {}, ip: null, userAgent: null, device: unknownDevice }] },
      'a list shows nothing of it'
    )
    const refused = await send('/me', { cookie })
    t.match([refused.statusCode, refused.json().reason], [401, 'revoked'], what)
    t.match(events, [{ type: 'decryption-failed', id, userId: 'ada' }, { type: 'ended', id, by: 'encryption' }], what)
    t.equal((await send('/me', { cookie: victim })).statusCode, 200)
    store.forged.delete(id)
    t.equal((await send('/me', { cookie })).statusCode, 401, 'and stays so')
    await app.sessions.revokeUser('bob')
  }
})

t.test('a session that ends while its seal is looked at is told once', async t => {
  const store = lasting()
  const { send, signIn, app, events } = await testApp(t, { store, encryption: everything })
  const cookie = await signIn()
  const { id } = (await send('/me', { cookie })).json<{ id: string }>()
  store.forged.set(id, { ip: 'in plain text' })
  store.onForged = () => { store.end({ ids: [id] }, { reason: 'logout', by: null }) }
  t.equal((await send('/me', { cookie })).statusCode, 401)
  t.equal(events.some(({ type }) => type === 'decryption-failed'), false)
  t.equal(await app.sessions.count(), 0)
})

t.test('keys change: an old one opens as long as it is listed, and what is written is sealed by the first', async t => {
  const store = lasting()
  const old = await testApp(t, { store, encryption: { keys: key } })
  const cookie = await old.signIn()
  await old.send('/data', { method: 'POST', payload: { a: 'first', b: 'second' }, cookie })
  const [before] = await recordsOf(store)
  const both = await testApp(t, { store, encryption: { keys: [other, key] } })
  t.strictSame((await both.send('/who', { cookie })).json().data, { a: 'first', b: 'second' })
  await both.send('/data', { method: 'POST', payload: { a: 'third' }, cookie })
  const [after] = await recordsOf(store)
  t.equal(after?.data['b'], before?.data['b'])
  t.equal(after?.data['a']?.slice(0, 6) === before?.data['a']?.slice(0, 6), false)
  t.strictSame((await both.send('/who', { cookie })).json().data, { a: 'third', b: 'second' })
})

t.test('a wrong or a missing key is an error at start', async t => {
  const store = lasting()
  const { send, signIn } = await testApp(t, { store, encryption: everything })
  const cookie = await signIn()
  for (const options of [{ encryption: { keys: other } }, {}]) {
    await send('/data', { method: 'POST', payload: { a: 'first' }, cookie })
    const app = Fastify()
    app.register(sessions, { secret, store, now: () => Date.UTC(2026, 0, 1), ...options })
    await t.rejects(Promise.resolve(app.ready()), { code: 'FST_SESSION_INVALID_OPTION', message: /encryption/ })
  }
  const empty = Fastify()
  await empty.register(sessions, { secret, store: lasting() })
  await empty.close()
})

t.test('sessions from before sealing are taken as they are, where that is asked for', async t => {
  const store = lasting()
  const before = await testApp(t, { store })
  const cookie = await before.signIn()
  await before.send('/data', { method: 'POST', payload: { a: 'plain' }, cookie })
  const strict = Fastify()
  strict.register(sessions, { secret, store, now: () => Date.UTC(2026, 0, 1), encryption: everything })
  await t.rejects(Promise.resolve(strict.ready()), { message: /allowPlaintext: true/ })
  const lenient = await testApp(t, { store, encryption: { ...everything, allowPlaintext: true } })
  t.strictSame((await lenient.send('/who', { cookie })).json().data, { a: 'plain' })
  await lenient.send('/data', { method: 'POST', payload: { a: 'sealed' }, cookie })
  t.notMatch(JSON.stringify(await recordsOf(store)), '"sealed"')
})

t.test('of what ended before sealing, nothing that should be sealed is shown', async t => {
  const store = lasting()
  const before = await testApp(t, { store })
  await before.send('/api/v1/auth/sessions/logout', { method: 'POST', payload: {}, cookie: await before.signIn() })
  const { app } = await testApp(t, { store, encryption: everything })
  t.match(await app.sessions.history(), { items: [{ userId: 'ada', reason: 'logout', ip: null, device: unknownDevice }] })
})

t.test('options of the encryption are checked', async t => {
  for (const [encryption, expected] of [
    [null, /encryption/],
    ['key', /encryption/],
    [{}, /encryption\.keys/],
    [{ keys: 'short' }, /encryption\.keys/],
    [{ keys: [key, 'short'] }, /encryption\.keys/],
    [{ keys: key, ip: 'yes' }, /encryption\.ip/],
    [{ keys: key, data: true }, /encryption\.data/]
  ] as [Encryption, RegExp][]) {
    const app = Fastify()
    app.register(sessions, { secret, encryption })
    await t.rejects(Promise.resolve(app.ready()), { code: 'FST_SESSION_INVALID_OPTION', message: expected })
  }
})

t.test('ends and changes of other nodes are told in plain text, and copies are kept in it', async t => {
  const network = new Network()
  const a = await testApp(t, { store: network.node(), encryption: everything })
  const b = await testApp(t, { store: network.node(), encryption: everything })
  const heard: unknown[] = []
  b.app.sessions.onRemoteEnd(({ ip, device }) => { heard.push([ip, device]) })
  const cookie = await a.signIn()
  for (let i = 0; i < 3; i++) t.equal((await b.send('/me', { cookie })).statusCode, 200)
  await a.send('/data', { method: 'POST', payload: { a: 'b' }, cookie })
  t.equal((await b.send('/who', { cookie })).json().data.a, 'b')
  network.cut()
  t.equal((await b.send('/who', { cookie })).json().data.a, 'b')
  await a.send('/api/v1/auth/sessions/logout', { method: 'POST', payload: {}, cookie })
  t.strictSame(heard, [['127.0.0.1', toDevice('Firefox 144|Linux|desktop')]])
})

t.test('an encrypted store keeps every law, except those of filters on encrypted fields', async t => {
  await passesConformanceTests(t, async () => {
    const clock = { now: Date.now() }
    const stores = new Map<string, Store>()
    return {
      clock,
      async open ({ app = 'app', history = 86_400_000, historyPerUser = 20 } = {}) {
        const store =
          stores.get(app) ??
          new EncryptedStore(memoryStore(), {
            cipher: new FieldCipher([Buffer.alloc(32, app)], { allowPlaintext: false }),
            ip: false,
            userAgent: false,
            onBroken: () => {}
          })
        if (!stores.has(app)) await store.open({ now: () => clock.now, history, historyPerUser, warn: () => {} })
        stores.set(app, store)
        return store
      },
      async close () { for (const store of stores.values()) await store.close() }
    }
  })
})
