import { readFile, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import { clockFinding, cookieFinding, latencyFinding, transportFinding } from '../../lib/cli/doctor.ts'
import { commands, main } from '../../lib/cli/main.ts'
import { clean, Progress, table } from '../../lib/cli/terminal.ts'
import type { Terminal } from '../../lib/cli/terminal.ts'
import { SessionManager } from '../../lib/index.ts'
import { firefox, secret, testApp } from '../helpers/app.ts'
import { binaries, freePorts, missing, RedisServer } from '../helpers/redis.ts'

interface Ran { readonly code: number, readonly out: string, readonly err: string }

const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

/** Runs a command line, as a person or a script would. */
async function cli (args: readonly string[], terminal: Partial<Terminal> = {}): Promise<Ran> {
  let [out, err] = ['', '']
  const code = await main(args, {
    out: text => { out += text },
    err: text => { err += text },
    input: Readable.from([]),
    interactive: false,
    ask: async () => '',
    env: {},
    signal: new AbortController().signal,
    ...terminal
  })
  return { code, out, err }
}

/** A file with sessions in it. */
async function filledStore (dir: string, count = 6): Promise<string> {
  const store = `file:${dir}/sessions.db`
  const manager = await new SessionManager({ store, secret }).open()
  for (let i = 0; i < count; i++) {
    await manager.create({
      userId: `user ${i % Math.max(3, count / 50)}`,
      remember: i % 2 === 0,
      ip: `192.0.2.${i}`,
      userAgent: i % 2 === 0 ? firefox : chrome,
      data: { i }
    })
  }
  await manager.close()
  return store
}

t.test('without a command, or with a wrong one, it says what there is', async t => {
  t.match(await cli([]), { code: 2, out: /Usage/ })
  for (const help of ['help', '--help', '-h']) t.match(await cli([help]), { code: 0, out: /revoke/ })
  t.match(await cli(['frobnicate']), { code: 2, err: /no command `frobnicate`/ })
  t.match(await cli(['list', '--frobnicate']), { code: 2, err: /frobnicate/ })
  t.match(await cli(['show']), { code: 2, err: /show <id>/ })
  t.match(await cli(['list']), { code: 2, err: /--store/ })
  t.match(await cli(['list', '--url', 'nowhere']), { code: 2, err: /--url/ })
  t.match(await cli(['list', '--url', 'http://127.0.0.1:1', '--header', 'x']), { code: 2, err: /--header/ })
  t.match(await cli(['list', '--store', 'file:/no/such/folder/sessions.db']), { code: 1, err: /sessions.db|open/ })
  t.match(await cli(['list', '--store', `file:${t.testdir()}/sessions.db`, '--limit', 'many']), { code: 2, err: /--limit/ })
  for (const { name, summary, options } of commands) {
    const { code, out } = await cli([name, '--help'])
    t.equal(code, 0)
    t.match(out, summary)
    for (const [option, { help }] of Object.entries(options)) { t.match(out, new RegExp(`--${option}\\b.*  ${help.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\n`), `${name} --${option} is explained`) }
  }
  t.match(await cli(['--version']), { code: 0, out: /^\d+\.\d+\.\d+\n$/ })
  for (const command of ['list', 'doctor']) { t.match(await cli([command, '--store', 'memory']), { code: 2, err: /--url/ }, 'a memory store is in the process of the app') }
})

t.test('a secret is long, random and never the same', async t => {
  const [a, b] = [await cli(['secret']), await cli(['secret', '--json'])]
  t.match(a.out, /^[\w-]{43}\n$/)
  t.match((JSON.parse(b.out) as { secret: string }).secret, /^[\w-]{43}$/)
  t.not(a.out.trim(), (JSON.parse(b.out) as { secret: string }).secret)
})

t.test('sessions in a store are seen in numbers, in lists and one by one', async t => {
  const store = await filledStore(t.testdir({}))
  const env = { SESSION_STORE: store, SESSION_SECRET: secret }
  t.match((await cli(['stats'], { env })).out, /live +6\nusers +3/)
  t.match(JSON.parse((await cli(['stats', '--range', '1h', '--json'], { env })).out), { live: 6, range: '1h' })
  t.match(await cli(['stats', '--range', '2h'], { env }), { code: 1, err: /400/ })
  const all = await cli(['list', '--store', store])
  t.equal(all.out.trim().split('\n').length, 7)
  t.match(all.out, /Chrome on Windows +192.0.2.1/)
  const some = await cli(
    ['list', '--json', '--user', 'user 1', '--browser', 'chrome', '--max-requests', '5', '--created-after', '2020-01-01'],
    { env }
  )
  const row = JSON.parse(some.out.trim()) as { id: string, userId: string }
  t.equal(row.userId, 'user 1')
  t.match((await cli(['list', '--limit', '2'], { env })).err, /--all/)
  t.equal((await cli(['list', '--all', '--json', '--order', 'oldest'], { env })).out.trim().split('\n').length, 6)
  t.equal((await cli(['list', '--limit', '4', '--json'], { env })).out.trim().split('\n').length, 4)
  t.match((await cli(['list', '--user', 'nobody'], { env })).out, 'No session matches')
  t.match((await cli(['show', row.id], { env })).out, /userId +user 1[\s\S]*session created/)
  t.match(JSON.parse((await cli(['show', row.id, '--json'], { env })).out), { session: { id: row.id } })
  t.match(await cli(['show', 'nothing'], { env }), { code: 1, err: /404 No such session/ })
  t.match(
    await cli(['stats', '--cookie-name', 'another'], { env: { ...env, SESSION_ENCRYPTION_KEY: secret } }),
    { code: 0, out: /live +6/ },
    'the cookie has another name, and data is sealed'
  )
})

t.test('what a filter would end is shown first, and ended only when confirmed', async t => {
  const store = await filledStore(t.testdir({}))
  const env = { SESSION_STORE: store }
  t.match(await cli(['revoke'], { env }), { code: 2, err: /Specify session ids/ })
  t.match(await cli(['revoke', 'id', '--user', 'user 1'], { env }), { code: 2 })
  t.match(await cli(['revoke', 'id', '--dry-run'], { env }), { code: 2, err: /dry-run/ })
  t.match(await cli(['revoke', '--user', 'user 1', '--dry-run'], { env }), { code: 0, out: /2 would be revoked/ })
  const preview = JSON.parse((await cli(['revoke', '--user', 'user 1', '--dry-run', '--json'], { env })).out) as object
  t.match(preview, { count: 2, sample: [{}, {}] })
  t.notOk('token' in preview)
  t.match(await cli(['revoke', '--user', 'user 1'], { env }), { code: 3, err: /--yes/ })
  t.match(await cli(['revoke', '--user', 'user 1'], { env, interactive: true, ask: async () => 'n' }), {
    code: 3,
    err: /Nothing was revoked/
  })
  t.match(
    await cli(['revoke', '--user', 'user 1'], {
      env,
      interactive: true,
      ask: async question => {
        t.match(question, /Revoke 2 sessions/)
        return 'y'
      }
    }),
    { code: 0, out: /2 revoked/, err: /Revoking █/ }
  )
  t.match(await cli(['revoke', '--user', 'user 1', '--yes'], { env }), { code: 0, out: /0 revoked/ })
  const { id } = JSON.parse((await cli(['list', '--limit', '1', '--json'], { env })).out.trim()) as { id: string }
  t.match(await cli(['revoke', id, 'A'.repeat(22)], { env }), { code: 0, out: /1 of 2 revoked/ })
  t.match(await cli(['revoke', id, '--json'], { env }), { code: 1, out: '{"revoked":0}' })
  t.match(await cli(['revoke', '--all', '--yes', '--json'], { env }), { code: 0, out: '{"revoked":3}' })
  t.match((await cli(['list', '--state', 'ended'], { env })).out, 'revoked')
})

t.test('more than a preview shows is counted, and drained in batches', async t => {
  const env = { SESSION_STORE: await filledStore(t.testdir({}), 1300) }
  t.match((await cli(['revoke', '--all'], { env })).err, '… and 1290 more')
  t.match(await cli(['revoke', '--all', '--yes'], { env }), { code: 0, out: '1300 revoked' })
})

t.test('an export goes on where it stopped, and comes in elsewhere, once', async t => {
  const dir = t.testdir({})
  const env = { SESSION_STORE: await filledStore(dir) }
  const file = `${dir}/sessions.ndjson`
  t.match(await cli(['export', file, '--data'], { env, interactive: true }), { code: 0, err: /Exporting/ })
  const whole = await readFile(file, 'utf8')
  t.equal(whole.trim().split('\n').length, 6)
  t.notMatch(whole, /hash/i)
  t.match(whole, '"data":{"i":3}')
  const piped = await cli(['export'], { env })
  t.equal(piped.out.trim().split('\n').length, 6)
  t.equal((await cli(['export', '-', '--user', 'user 2'], { env })).out.trim().split('\n').length, 2)
  t.match(await cli(['export', '--resume'], { env }), { code: 2, err: /--resume/ })
  await writeFile(file, whole.slice(0, whole.length * 0.6))
  t.equal((await cli(['export', file, '--data', '--resume'], { env })).code, 0)
  t.equal(await readFile(file, 'utf8'), whole)
  t.equal((await cli(['export', file, '--data', '--resume'], { env })).code, 0)
  t.equal(await readFile(file, 'utf8'), whole, 'a whole one stays as it is')
  await writeFile(file, '')
  t.equal((await cli(['export', file, '--data', '--resume'], { env })).code, 0)
  t.equal(await readFile(file, 'utf8'), whole)
  t.match(await cli(['export', `${dir}/missing`, '--resume'], { env }), { code: 1, err: /ENOENT/ })

  const other = { SESSION_STORE: `file:${dir}/other.db` }
  t.match(await cli(['import', file, '--dry-run'], { env: other }), { code: 0, out: /6 imported/ })
  t.match(await cli(['import', file], { env: other, interactive: true }), { code: 0, out: '6 rows: 6 imported, 0 skipped, 0 refused' })
  t.match(await cli(['import', '-', '--json'], { env: other, input: Readable.from([Buffer.from(`${whole}not json\n`)]) }), {
    code: 1,
    out: /"skipped":6.*expected JSON/
  })
  t.match(await cli(['import', '-'], { env: other, input: Readable.from([Buffer.from('{}\n')]) }), {
    code: 1,
    out: '1 refused',
    err: /ROW/
  })
  t.match(await cli(['import', file, '--on-conflict', 'refuse'], { env: other }), { code: 1, err: /FST_SESSION_INVALID_IMPORT/ })
})

t.test('an import into an encrypted store encrypts what the app encrypts, and no more', async t => {
  const dir = t.testdir()
  const rows = `${dir}/rows.ndjson`
  await cli(['export', rows, '--store', await filledStore(dir)])
  for (const [i, [given, ip, userAgent]] of (
    [
      [[], false, false],
      [['--encrypted-fields', 'ip'], true, false],
      [['--encrypted-fields', 'ip,userAgent'], true, true],
      [['--encrypted-fields', 'userAgent', '--encrypted-fields', 'ip'], true, true]
    ] as const
  ).entries()) {
    const store = `file:${dir}/encrypted ${i}.db`
    const env = { SESSION_STORE: store, SESSION_ENCRYPTION_KEY: secret }
    t.match(await cli(['import', rows, ...given], { env }), { code: 0, out: '6 imported' })
    // without `plain`, what is not as the app keeps it does not open
    const app = await new SessionManager({ store, secret, encryption: { keys: secret, ip, userAgent } }).open()
    const { items } = await app.list()
    t.match(
      items,
      Array.from({ length: 6 }, () => ({ ip: /^192\.0\.2\.\d$/, device: { os: /Windows|Linux/ } })),
      given.join(' ')
    )
    t.match(await app.get(items[0]?.id ?? ''), { ip: /^192/, endedAt: undefined })
    await app.close()
  }
  t.match(
    await cli(['list', '--store', `file:${dir}/sessions.db`, '--encrypted-fields', 'name'], { env: { SESSION_ENCRYPTION_KEY: secret } }),
    { code: 2, err: /--encrypted-fields.*ip.*userAgent/ }
  )
  t.match(await cli(['list', '--store', `file:${dir}/sessions.db`, '--encrypted-fields', 'ip']), { code: 2, err: /SESSION_ENCRYPTION_KEY/ })
})

t.test('a big export that is interrupted says how to go on', async t => {
  const dir = t.testdir({})
  const env = { SESSION_STORE: await filledStore(dir, 700) }
  const stop = new AbortController()
  const file = `${dir}/sessions.ndjson`
  const ran = await cli(['export', file], {
    env,
    signal: stop.signal,
    interactive: true,
    err: text => {
      if (/50 %/.test(text)) stop.abort()
    }
  })
  t.equal(ran.code, 130)
  const piped = new AbortController()
  t.equal((await cli(['export'], { env, signal: piped.signal, out: () => { piped.abort() } })).code, 130)
  t.equal((await cli(['export', file, '--resume'], { env })).code, 0)
  const ids = (await readFile(file, 'utf8')).trim().split('\n').map(line => (JSON.parse(line) as { id: string }).id)
  t.equal(ids.length, 700)
  t.equal(new Set(ids).size, 700)
})

t.test('what is interrupted before it begins answers 130, of a store and of an app', async t => {
  const dir = t.testdir()
  const store = await filledStore(dir)
  const signal = AbortSignal.abort()
  for (const command of [
    ['list'],
    ['stats'],
    ['export'],
    ['export', `${dir}/rows.ndjson`],
    ['revoke', '--browser', 'Chrome', '--yes'],
    ['cleanup']
  ]) {
    t.same(await cli([...command, '--store', store], { signal }), { code: 130, out: '', err: '' }, command.join(' '))
    t.same(
      await cli([...command, '--url', 'http://127.0.0.1:1'], { signal }),
      { code: 130, out: '', err: '' },
      `${command.join(' ')}, of an app`
    )
  }
  t.equal((await cli(['list', '--store', store, '--json'])).out.trim().split('\n').length, 6, 'and nothing was done')
  for (let turns = 0, done = false; !done; turns++) {
    const stop = new AbortController()
    const turn = (left: number): void => { if (left === 0) stop.abort(); else setImmediate(turn, left - 1) }
    turn(turns)
    const { code } = await cli(['list', '--store', store], { signal: stop.signal })
    done = code === 0
    t.equal(code, done ? 0 : 130, `interrupted after ${turns} turns`)
  }
  const stop = new AbortController()
  const input = Readable.from((async function * () { yield Buffer.from('\n'); stop.abort(); await new Promise(() => {}) })())
  t.equal((await cli(['import', '-', '--store', store], { input, signal: stop.signal })).code, 130, 'rows that never end')
})

t.test('cleanup ends what has expired', async t => {
  const env = { SESSION_STORE: await filledStore(t.testdir({})) }
  t.match(await cli(['cleanup', '--history', '60d', '--history-per-user', '50'], { env }), { code: 0, out: '0 expired sessions ended' })
  t.match(await cli(['cleanup', '--json'], { env }), { code: 0, out: '{"expired":0}' })
})

t.test('a running app is reached by its admin routes, with the header that its authorize wants', async t => {
  const { app, signIn, events } = await testApp(t, {
    admin: { authorize: request => request.headers['authorization'] === 'Bearer right' },
    now: Date.now
  })
  await signIn()
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const reach = ['--url', `${url}/`, '--header', 'authorization: Bearer right']
  t.match(await cli(['list', '--url', url]), { code: 1, err: /401 .*FST_SESSION_REQUIRED/ })
  t.match(await cli(['list', ...reach]), { code: 0, out: /ada/ })
  t.match(await cli(['list', ...reach, '--prefix', '/elsewhere']), { code: 1, err: /404/ })
  t.match(await cli(['stats', ...reach]), { code: 0, out: /live +1/ })
  const exported = await cli(['export', ...reach])
  t.match(await cli(['import', '-', ...reach], { input: Readable.from([Buffer.from(exported.out)]) }), { code: 0, out: '1 skipped' })
  t.match(await cli(['revoke', '--user', 'ada', '--yes'], { env: { SESSION_URL: url } }), { code: 1, err: /401/ })
  t.match(await cli(['revoke', '--user', 'ada', '--yes', ...reach]), { code: 0, out: /1 revoked/ })
  t.ok(events.some(event => event.type === 'ended' && event.reason === 'revoked'))
  t.match(await cli(['list', '--url', 'http://127.0.0.1:1']), { code: 1, err: /does not respond/ })
  const html = await testApp(t, {}, app => {
    app.get('/api/v1/admin/sessions/count', async (_request, reply) => reply.code(502).type('text/html').send('<h1>'))
  })
  const htmlUrl = await html.app.listen({ port: 0, host: '127.0.0.1' })
  t.match(await cli(['export', '--url', htmlUrl]), { code: 1, err: /--prefix/ })
  const broken = await testApp(t, {}, app => {
    app.get('/api/v1/admin/sessions/count', async () => ({ count: 1 }))
    app.get('/api/v1/admin/sessions/events', async (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, { 'content-length': 100 }).write('data: {}\n\n', () => { reply.raw.destroy() })
    })
    app.get('/api/v1/admin/sessions/export', async (_request, reply) => reply.code(500).send({ trouble: true }))
  })
  const brokenUrl = await broken.app.listen({ port: 0, host: '127.0.0.1' })
  t.match(await cli(['export', `${t.testdir({})}/sessions.ndjson`, '--url', brokenUrl]), { code: 1, err: /500 refused/ })
  t.match(await cli(['tail', '--type', 'ended', '--url', brokenUrl]), { code: 1, err: /./ }, 'a stream that breaks off is said')
})

t.test('what happens is followed until it is stopped', async t => {
  const { app, signIn } = await testApp(t, { admin: { authorize: () => true }, now: Date.now })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  await signIn('ada')
  await signIn('grace')
  await app.sessions.revokeUser('ada')
  for (const [args, expected] of [
    [[], /session created +grace/],
    [['--type', 'ended'], /session ended +ada/],
    [['--json'], /"type":"created"/]
  ] as const) {
    const stop = new AbortController()
    let seen = ''
    const { code } = await cli(['tail', '--url', url, ...args], {
      signal: stop.signal,
      out: text => {
        seen += text
        if (expected.test(seen)) stop.abort()
      }
    })
    t.equal(code, 0)
    t.match(seen, expected)
  }
  const stop = new AbortController()
  stop.abort()
  t.equal((await cli(['list', '--url', url], { signal: stop.signal })).code, 130)
  const following = cli(['tail', '--security', '--url', url])
  await new Promise<void>(resolve => { app.sessions.on('admin-action', ({ action }) => { if (action === 'watch') resolve() }) })
  await app.close()
  t.match(await following, { out: '' })
})

t.test('the doctor looks at the secret, the store and the app', async t => {
  t.match(await cli(['doctor']), { code: 0, out: /warn +secret/ })
  t.match(await cli(['doctor'], { env: { SESSION_SECRET: 'short' } }), { code: 1, out: /error +secret +5 characters/ })
  t.match(await cli(['doctor'], { env: { SESSION_SECRET: 'a'.repeat(64) } }), { code: 1, out: /does not look random/ })
  t.match(await cli(['doctor', '--store', await filledStore(t.testdir({}))], { env: { SESSION_SECRET: secret + 'x7Qz90' } }), {
    code: 0,
    out: /ok +secret[\s\S]*ok +store +sqlite[\s\S]*latency/
  })
  t.match(await cli(['doctor', '--json', '--store', 'file:/no/such/folder/sessions.db']), { code: 1, out: /does not open/ })
  t.match(await cli(['doctor', '--store', 'frobnicate:x']), { code: 1, err: /store/ })
  t.match(await cli(['doctor', '--url', 'nowhere']), { code: 2 })
  t.match(await cli(['doctor', '--url', 'http://127.0.0.1:1']), { code: 1, err: /does not respond/ })
})

t.test('the doctor measures a server, and its clock', { skip: missing(binaries()[0]) }, async t => {
  const [port = 0] = await freePorts(1)
  const server = await new RedisServer(binaries()[0], ['--port', String(port)]).start()
  t.teardown(() => server.close())
  t.match(await cli(['doctor', '--store', `redis://127.0.0.1:${port}`]), {
    code: 0,
    out: /redis; sessions are shared by every machine[\s\S]*ok +latency[\s\S]*ok +clock/
  })
  t.match(await cli(['list', '--store', `redis://:password@127.0.0.1:${port + 1}`]), { code: 1 })
})

t.test('the doctor sees what a browser would', async t => {
  const good = await testApp(t, { admin: { authorize: () => false }, cookie: { secure: true } }, () => {}, {})
  const url = await good.app.listen({ port: 0, host: '127.0.0.1' })
  const login = ['--login', '/login', '--body', '{"userId":"ada"}']
  t.match(await cli(['doctor', '--url', `${url}/public`, ...login]), {
    code: 0,
    out: /ok +transport[\s\S]*ok +anonymous[\s\S]*ok +admin[\s\S]*ok +cookie[\s\S]*ok +caching[\s\S]*ok +proxy/
  })
  t.equal(await good.app.sessions.count(), 0, 'it signs out again')
  t.match(await cli(['doctor', '--url', url, '--login', '/public']), { code: 1, out: /404 without a session cookie/ })

  const bad = await testApp(t, { admin: { authorize: () => true }, cookie: { secure: true } }, app => {
    app.get('/', async (_request, reply) => reply.header('set-cookie', 'tracker=1').send('hello'))
    app.addHook('onSend', async (_request, reply) => { reply.header('cache-control', 'public') })
  }, { trustProxy: true })
  const badUrl = await bad.app.listen({ port: 0, host: '127.0.0.1' })
  t.match(await cli(['doctor', '--url', badUrl, ...login]), {
    code: 1,
    out: /warn +anonymous.*tracker[\s\S]*error +admin[\s\S]*ok +caching[\s\S]*error +proxy/
  })

  const cdn = createServer((request, response) => {
    const { url: path, method, headers } = request
    const onward = httpRequest(badUrl + String(path), { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, 'cache-control': 'public, max-age=600' })
      answer.pipe(response)
    })
    request.pipe(onward)
  })
  t.teardown(() => cdn.close())
  await new Promise<void>(resolve => { cdn.listen(0, '127.0.0.1', resolve) })
  const { port } = cdn.address() as AddressInfo
  t.match(await cli(['doctor', '--url', `http://127.0.0.1:${port}`, ...login]), { code: 1, out: /error +caching/ })

  const loopback = await testApp(t)
  t.match(await cli(['doctor', '--url', await loopback.app.listen({ port: 0, host: '127.0.0.1' }), ...login]), {
    code: 0,
    out: /ok +admin.*disabled[\s\S]*warn +cookie +lacks secure[\s\S]*warn +proxy/
  })
})

t.test('the doctor knows what is good and what is not', async t => {
  t.match([[1, 2, 3], [21, 22, 23], [1, 2, 501]].map(times => latencyFinding(times).level), ['ok', 'warn', 'error'])
  t.match(latencyFinding([3, 1, 2]).text, /median 2.0 ms, longest of 3: 3.0 ms/)
  t.match([0, 999, -1001, 5000].map(offset => clockFinding(offset).level), ['ok', 'ok', 'warn', 'warn'])
  t.match(
    ['https://app.example', 'http://localhost:3000', 'http://[::1]:3000', 'http://app.example'].map(
      url => transportFinding(new URL(url)).level
    ),
    ['ok', 'ok', 'ok', 'error']
  )
  const [far, near] = [new URL('https://app.example'), new URL('http://localhost')]
  t.match(cookieFinding('__Host-session=x; Path=/; HttpOnly; Secure', far), {
    level: 'ok',
    text: '__Host-session; Path=/; HttpOnly; Secure'
  })
  t.match(cookieFinding('session=x; HttpOnly', near), { level: 'warn', text: /lacks secure/ })
  t.match(cookieFinding('session=x; HttpOnly', far), { level: 'error', text: /lacks secure/ })
  t.match(cookieFinding('session=x', near), { level: 'error', text: /lacks httponly, secure/ })
})

t.test('the demo starts, says where it is, and stops', async t => {
  t.match(await cli(['demo'], { env: { PORT: 'x' } }), { code: 2, err: /PORT/ })
  const stop = new AbortController()
  let said = ''
  const { code } = await cli(['demo'], { env: { PORT: '0' }, signal: stop.signal, out: text => { said += text; stop.abort() } })
  t.equal(code, 0)
  t.match(said, /Console +http:\/\/127\.0\.0\.1:\d+\/admin\/sessions/)
})

t.test('tables and bars are safe to print', async t => {
  t.equal(table(['A', 'B'], [['\u001b[2Jx', 1], [null, 'y']]), 'A     B\n\ufffd[2Jx  1\n–      y\n'.replace('A     B', 'A      B'))
  t.equal(clean('a\u0007b\u0085c\u00a0ü'), 'a\ufffdb\ufffdc\u00a0ü')
  let shown = ''
  const bar = new Progress({ interactive: true, err: (text: string) => { shown += text } } as unknown as Terminal, 'Doing', 4)
  for (let i = 0; i < 5; i++) bar.add(1)
  bar.end()
  t.match(shown, /25 %[\s\S]*100 %/)
  const none = new Progress({ interactive: true, err: (text: string) => { shown += text } } as unknown as Terminal, 'Nothing', 0)
  none.add(0)
  none.end()
  t.match(shown, 'Nothing 0')
})
