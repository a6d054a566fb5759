import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { memoryStore } from '../../../lib/index.ts'
import { RowError } from '../../../lib/manager/transfer.ts'
import { readRows } from '../../../routes/admin/row-reader.ts'
import { adminApi, adminApp } from '../../helpers/admin.ts'
import type { AdminApp } from '../../helpers/admin.ts'

const ndjson = 'application/x-ndjson'

function upload ({ send, cookie }: AdminApp, payload: string, query = '', type = ndjson): Promise<LightMyRequestResponse> {
  return send(`${adminApi}/import${query}`, { cookie, method: 'POST', payload, headers: { 'content-type': type } })
}

function lines (text: string): Record<string, unknown>[] {
  return text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>)
}

t.test('an export streams the matches as lines or as an array, without secrets', async t => {
  const { get, signIn, app, events, cookie } = await adminApp(t)
  const ada = await signIn('ada', { remember: true })
  const { session } = await app.sessions.create({ userId: 'bob', data: { cart: ['secret sauce'] } })
  await app.sessions.revoke((await app.sessions.create({ userId: 'eve' })).session.id)
  const response = await get('/export')
  t.match(response.headers, {
    'content-type': ndjson,
    'cache-control': 'no-store',
    'content-disposition': 'attachment; filename="sessions-2026-01-01.ndjson"',
    'x-content-type-options': 'nosniff'
  })
  t.strictSame(lines(response.body).map(({ userId }) => userId).sort(), ['ada', 'bob', 'root'])
  t.match(events.at(-1), { type: 'admin-action', action: 'export', by: 'root', count: 3 })
  for (const each of [ada, cookie]) for (const part of each.slice(4).split('.')) t.notOk(response.body.includes(part))
  t.notMatch(response.body, /hash|verifier|generation|sauce|data/i)
  t.notOk(response.body.includes(session.hash))
  t.match(lines((await get('/export?userId=bob&data=true')).body), [{ id: session.id, data: { cart: ['secret sauce'] } }])
  t.match((await get('/export?format=json&guest=false')).json(), { length: 3 })
  t.same((await get('/export?format=json&userId=nobody')).json(), [])
  t.equal((await get('/export?userId=nobody')).body, '')
  t.match(lines((await get('/export?state=ended')).body), [{ userId: 'eve', reason: 'revoked', by: null }])
  t.match((await get(`/export?format=json&at=${Date.UTC(2026, 0, 1) - 1}`)).json(), [])
  for (const query of ['format=xls', 'format=csv&data=true', 'limit=5', 'ip=x', 'backup=true']) { t.equal((await get(`/export?${query}`)).statusCode, 400, query) }
  t.equal((await (await adminApp(t, { ip: 'none' })).get('/export?ip=1.2.3.4')).statusCode, 400)
})

t.test('an export whose store fails says so before the first byte', async t => {
  const store = memoryStore()
  let pages = 0
  const list = store.list.bind(store)
  store.list = async (filter, page) => {
    if (pages-- <= 0) throw new Error('gone')
    return list(filter, page)
  }
  const { get, app, cookie } = await adminApp(t, { store, maxSessions: Infinity })
  t.match((await get('/export')).json(), { statusCode: 503, code: 'FST_SESSION_STORE_UNAVAILABLE' })
  for (let i = 0; i < 600; i++) await app.sessions.create({ userId: 'ada' })
  pages = 1
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const broken = await new Promise<string>(resolve => {
    httpRequest(`${url.href}${adminApi.slice(1)}/export`, { headers: { cookie } }, response => {
      response.on('error', () => { resolve('cut off') })
      response.on('end', () => { resolve('whole') })
      response.resume()
    }).end()
  })
  t.equal(broken, 'cut off', 'what is half is not taken for whole')
})

t.test('a slow or lost reader holds the export back, or ends it', async t => {
  const { app, cookie } = await adminApp(t, { maxSessions: Infinity })
  for (let i = 0; i < 20_000; i++) await app.sessions.create({ userId: 'ada', data: { text: 'x'.repeat(200) } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const exported = new Promise<number>(resolve => {
    app.sessions.on('admin-action', event => {
      if (event.action === 'export') resolve(event.count)
    })
  })
  await new Promise<void>(resolve => {
    const request = httpRequest({ port, path: `${adminApi}/export?data=true`, headers: { cookie } }, (response: IncomingMessage) => {
      response.once('data', () => { request.destroy(); resolve() })
    })
    request.on('error', () => {})
    request.end()
  })
  t.ok(await exported < 20_000, 'nobody reads on for a client that has gone')
})

t.test('an import accepts an export, is idempotent, and imported sessions cannot authenticate', async t => {
  const from = await adminApp(t)
  const cookie = await from.signIn('ada', { remember: true })
  await from.app.sessions.create({ userId: 'bob', data: { a: 'ü\n"' } })
  const rows = (await from.get('/export?data=true')).body
  const into = await adminApp(t)
  t.same((await upload(into, rows, '?dryRun=true')).json(), { rows: 3, imported: 3, skipped: 0, refused: [] })
  t.equal(await into.app.sessions.count(), 1)
  t.same((await upload(into, rows)).json(), { rows: 3, imported: 3, skipped: 0, refused: [] })
  t.match(into.events.filter(event => event.type === 'admin-action'), [{ action: 'import', count: 3, by: 'root' }])
  t.same((await upload(into, rows)).json(), { rows: 3, imported: 0, skipped: 3, refused: [] })
  t.same((await upload(into, (await from.get('/export?format=json')).body, '', 'application/json')).json(), {
    rows: 3,
    imported: 0,
    skipped: 3,
    refused: []
  })
  t.match((await upload(into, rows, '?onConflict=refuse')).json(), {
    statusCode: 400,
    code: 'FST_SESSION_INVALID_IMPORT',
    message: /row 1 exists/
  })
  t.match((await into.app.sessions.list({ userId: 'bob' })).items, [{ data: { a: '"ü\\n\\""' } }])
  t.equal((await into.send('/me', { cookie })).statusCode, 401)
})

t.test('many rows go in a few at a time', async t => {
  const from = await adminApp(t, { maxSessions: Infinity })
  for (let i = 0; i < 150; i++) await from.app.sessions.create({ userId: `u${i}` })
  const rows = (await from.get('/export')).body
  const into = await adminApp(t)
  t.match((await upload(into, rows)).json(), { rows: 151, imported: 151 })
})

t.test('an imported row cannot change the owner of a session', async t => {
  const eve = await adminApp(t)
  const backup: Record<string, unknown>[] = []
  const cookie = await eve.signIn('eve')
  for await (const row of eve.app.sessions.export({ filter: { userId: 'eve' }, backup: true })) backup.push(row)
  const into = await adminApp(t)
  t.match((await upload(into, JSON.stringify(backup[0]))).json(), { imported: 1 })
  t.equal((await into.send('/me', { cookie })).statusCode, 401, 'hashes are passed over')
  t.match((await upload(into, JSON.stringify({ ...backup[0], userId: 'root' }))).json(), { refused: [{ row: 1, why: /of this user/ }] })
})

t.test('an import refuses what is no session, says which and why, and goes on', async t => {
  const app = await adminApp(t)
  const good = (await app.get('/export')).body.trim()
  const other = await adminApp(t)
  const report = (await upload(other, `\n{"id":\n${good}\r\n\n[]\n"${'x'.repeat(600_000)}"\n{"__proto__":{"userId":"root"}}`)).json<{
    refused: unknown
  }>()
  t.match(report, {
    rows: 5,
    imported: 1,
    skipped: 0,
    refused: [
      { row: 1, why: 'expected JSON' },
      { row: 3, why: 'expected an object' },
      { row: 4, why: 'expected at most 524288 bytes' },
      { row: 5 }
    ]
  })
  const json = (await upload(other, ` [ 5 , {"a":"]},\\"[" }, [[1],{"x":[2]}],, ${good} , ] `, '', 'application/json')).json()
  t.match(json, {
    rows: 6,
    imported: 0,
    skipped: 1,
    refused: [{ row: 1 }, { row: 2 }, { row: 3 }, { row: 4, why: 'expected JSON' }, { row: 6, why: 'expected JSON' }]
  })
  for (const body of ['', ' ', '{}', '5', '[1', '["', '[] 5', '[]]', 'x']) { t.match((await upload(other, body, '', 'application/json')).json(), { statusCode: 400 }, body) }
  t.match((await upload(other, '[ ]', '', 'application/json')).json(), { rows: 0 })
  t.match((await upload(other, '\n\n')).json(), { rows: 0 })
  for (const type of ['text/plain', 'text/csv', 'application/x-www-form-urlencoded']) { t.equal((await upload(other, good, '', type)).statusCode, 415) }
  t.equal((await upload(other, good, '?replace=true')).statusCode, 400)
  const cross = await other.send(`${adminApi}/import`, {
    cookie: other.cookie,
    method: 'POST',
    payload: good,
    headers: { 'content-type': ndjson, origin: 'https://evil.example' }
  })
  t.equal(cross.statusCode, 403)
  const denied = await other.send(`${adminApi}/import`, {
    cookie: await other.signIn('ada'),
    method: 'POST',
    payload: good,
    headers: { 'content-type': ndjson }
  })
  t.equal(denied.statusCode, 403)
})

t.test('rows are the same however the bytes arrive', async t => {
  const values = [{ a: 'é"\\\n]},[' }, [1, [2]], 'x', 5, null, { b: { c: {} } }]
  const array = JSON.stringify(values, null, 1)
  const text = values.map(value => JSON.stringify(value)).join('\n')
  for (const [format, body] of [['json', array], ['ndjson', text]] as const) {
    const bytes = Buffer.from(body)
    for (const size of [1, 2, 3, 7, 1000]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
      const rows: unknown[] = []
      for await (const row of readRows((async function * () { yield * chunks })(), format)) rows.push(row)
      t.strictSame(rows, values, `${format} by ${size}`)
    }
  }
  const long: unknown[] = []
  for await (const row of readRows(
    (async function * () {
      yield Buffer.from('["')
      for (let i = 0; i < 20; i++) yield Buffer.alloc(60_000, 'x')
      yield Buffer.from('",1]')
    })(),
    'json'
  )) { long.push(row) }
  t.ok(long[0] instanceof RowError)
  t.equal(long[1], 1)
})

t.test('a full store, or one that fails, stops an import', async t => {
  const from = await adminApp(t)
  const rows = (await from.get('/export')).body
  const store = memoryStore()
  store.create = new Proxy(store.create, {
    apply: (create, self, args) =>
      (args[0] as { userId: string }).userId === 'full' ? { status: 'full' } : (Reflect.apply(create, self, args) as unknown)
  })
  const into = await adminApp(t, { store })
  await from.app.sessions.create({ userId: 'full' })
  t.match((await upload(into, `${rows}${(await from.get('/export?userId=full')).body}`)).json(), {
    statusCode: 503,
    code: 'FST_SESSION_STORE_FULL'
  })
})

t.test('a cleanup returns how many sessions expired', async t => {
  const { post, app, clock, signIn, send, events } = await adminApp(t)
  for (let i = 0; i < 3; i++) await app.sessions.create({})
  clock.now += 31 * 60_000
  const cookie = await signIn('root')
  t.same((await send(`${adminApi}/cleanup`, { cookie, method: 'POST' })).json(), { expired: 4 })
  t.match(events.at(-1), { type: 'admin-action', action: 'cleanup', count: 4 })
  t.equal((await post('/cleanup', {})).statusCode, 401)
  t.equal((await send(`${adminApi}/cleanup`, { cookie })).statusCode, 404, 'never by GET')
  const store = memoryStore()
  const failing = await adminApp(t, { store })
  store.cleanup = () => { throw new Error('gone') }
  t.match((await failing.send(`${adminApi}/cleanup`, { cookie: failing.cookie, method: 'POST' })).json(), { statusCode: 503 })
})
