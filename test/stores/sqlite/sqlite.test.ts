import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { isThenable } from '../../../lib/async.ts'
import { SessionManager } from '../../../lib/index.ts'
import type { PresentedToken, SessionManagerOptions, SessionRecord, Store, StoreContext } from '../../../lib/index.ts'
import { hasEnded } from '../../../lib/model/record.ts'
import { sqliteStore } from '../../../lib/stores/sqlite.ts'
import type { SqliteStoreOptions } from '../../../lib/stores/sqlite.ts'
import { drivers, openFile } from '../../../lib/stores/sqlite/driver.ts'
import type { Driver, SqliteHandle, SqliteStatement, SqliteValue } from '../../../lib/stores/sqlite/driver.ts'
import type { TestEnvironment } from '../../../lib/testing/index.ts'
import { LawFixture } from '../../../lib/testing/laws/fixture.ts'
import { decodeToken, hashVerifier } from '../../../lib/token/token.ts'
import type { Token } from '../../../lib/token/token.ts'
import { api, secret, testApp } from '../../helpers/app.ts'
import { passesConformanceTests } from '../../helpers/laws.ts'
import { toDevice, unknownDevice } from '../../../lib/model/device.ts'

type Test = { teardown: (fn: () => unknown) => void }

const day = 86_400_000
const all = { limit: 100, cursor: null, order: 'newest' } as const
const libsql: Driver = ['libsql', 'default']
/** The drivers that this Node and the tests have. */
const present: Driver[] = [...drivers.slice(0, process.version.startsWith('v20.') ? 0 : 1), libsql]
// one process must not open one file with two libraries, which do not see each other's locks
const [preferred] = present as [Driver]

const context = (options: Partial<StoreContext> = {}): StoreContext => ({
  now: null,
  history: day,
  historyPerUser: 20,
  warn: () => {},
  ...options
})

/** In memory where that is to be had: what disks add is time. */
function newDir (): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sqlite-'))
}

function newFile (t: Test): string {
  const dir = newDir()
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  return join(dir, 'sessions.db')
}

interface Opened {
  readonly store: Store
  readonly handle: SqliteHandle
  readonly clock: { now: number }
  close (): Promise<void>
}

/** A store with a connection of its own, as another process would have; the one app's, if nothing else is said. */
async function open (
  t: Test,
  file: string,
  options: SqliteStoreOptions & { driver?: Driver; clock?: { now: number }; context?: Partial<StoreContext> } = {}
): Promise<Opened> {
  const { driver = preferred, clock = { now: Date.now() }, context: given = {}, ...rest } = options
  const handle = await openFile(file, [driver])
  const store = sqliteStore(handle, { prefix: 'app_', ...rest })
  await store.open(context({ now: () => clock.now, ...given }))
  let open = true
  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    await store.close()
    handle.close()
  }
  t.teardown(close)
  return { store, handle, clock, close }
}

async function createSession (store: Store, clock: { now: number }): Promise<SessionRecord> {
  return new LawFixture({ clock, open: async () => store, close: async () => {} }, store).created()
}

async function manager (t: Test, options: SessionManagerOptions): Promise<{ sessions: SessionManager }> {
  const sessions = await new SessionManager({ secret, ...options }).open()
  t.teardown(() => sessions.close())
  return { sessions }
}

/** A token as a request presents it. */
function presented (token: string): PresentedToken {
  const { id, generation, verifier } = decodeToken(token) as Token
  return { id, generation, hash: hashVerifier(verifier), token }
}

/** Another process on the file, ready to start at a word. */
async function child (t: Test, file: string, task: 'login' | 'write' | 'end', driver?: Driver): Promise<ChildProcess> {
  const process = fork(join(import.meta.dirname, '../../helpers/sqlite-child.ts'), [file, task, ...driver === undefined ? [] : [driver[0]]])
  t.teardown(() => process.kill('SIGKILL'))
  await once(process, 'message')
  return process
}

/** As `better-sqlite3` with safe integers (BigInts), and as `node:sqlite`, which learnt to answer arrays with Node 22.16. */
function plain (handle: SqliteHandle): SqliteHandle {
  (handle as SqliteHandle & { defaultSafeIntegers: (on: boolean) => unknown }).defaultSafeIntegers(true)
  let newer = false
  return {
    exec: sql => handle.exec(sql),
    close: () => handle.close(),
    prepare (sql) {
      const statement = handle.prepare(sql)
      return {
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
        run: (...values) => statement.run(...values),
        ...(newer = !newer) && { setReturnArrays: () => statement.raw?.() }
      }
    }
  }
}

/** One file; each store has a connection of its own. */
function environmentOf (driver: Driver, wrap = (handle: SqliteHandle) => handle): () => Promise<TestEnvironment> {
  return async () => {
    const dir = newDir()
    const file = join(dir, 'sessions.db')
    const clock = { now: Date.now() }
    const stores: Store[] = []
    const handles: SqliteHandle[] = []
    const open = async (): Promise<SqliteHandle> => {
      const handle = await openFile(file, [driver])
      handles.push(handle)
      return handle
    }
    return {
      clock,
      async open ({ app = 'app', history = day, historyPerUser = 20 } = {}) {
        const store = sqliteStore(wrap(await open()), { prefix: `${app}_` })
        await store.open(context({ now: () => clock.now, history, historyPerUser }))
        stores.push(store)
        return store
      },
      async countEntries () {
        const handle = await open()
        const rows = ['live', 'history', 'strings', 'adopted_credentials', 'statistics'].map(
          table => `SELECT count(*) AS n FROM app_${table}`
        )
        return [
          ...rows,
          "SELECT count(*) AS n FROM app_changes WHERE id <> ''",
          'SELECT live + users + guests + remembered AS n FROM app_state'
        ]
          .map(sql => (handle.prepare(sql).get() as { n: number }).n)
          .reduce((a, b) => a + b)
      },
      async close () {
        for (const store of stores) await store.close()
        for (const handle of handles) handle.close()
        rmSync(dir, { recursive: true, force: true })
      }
    }
  }
}

for (const driver of present) {
  t.test(`sessions in a file keep every law on ${driver[0]}`, t => passesConformanceTests(t, environmentOf(driver)))
}

t.test('a driver that returns objects and BigInts keeps every law, too', t => passesConformanceTests(t, environmentOf(libsql, plain)))

for (const driver of present) {
  t.test(`a limit over two processes is kept on ${driver[0]}`, async t => {
    const file = newFile(t)
    const children = await Promise.all([child(t, file, 'login', driver), child(t, file, 'login', driver)])
    const told = (await Promise.all(children.map(async process => {
      process.send('go')
      const [ids] = await once(process, 'message') as [string[]]
      await once(process, 'exit')
      return ids
    }))).flat()
    const { store } = await open(t, file, { driver, prefix: 'session_' })
    const { items } = await store.list({ userId: 'ada' }, all)
    t.equal(items.length, 5)
    t.equal(told.length, 45)
    t.equal(new Set([...told, ...items.map(({ id }) => id)]).size, 50, 'each of fifty is live, or was told once')
    t.match(await store.statistics(0, 0), { live: 5, users: 1 })
  })
}

t.test('a process that is killed loses nothing that was acknowledged, and brings nothing back', async t => {
  const file = newFile(t)
  const process = await child(t, file, 'write')
  const acknowledged: { id: string, ended: boolean }[] = []
  process.on('message', (message: { id: string, ended: boolean }) => {
    acknowledged.push(message)
    if (acknowledged.length === 300) process.kill('SIGKILL')
  })
  process.send('go')
  t.strictSame((await once(process, 'exit'))[1], 'SIGKILL')
  const { store, handle } = await open(t, file, { prefix: 'session_' })
  const ended = new Set(acknowledged.filter(({ ended }) => ended).map(({ id }) => id))
  const lost = acknowledged.filter(({ id }) => {
    const found = store.read(id)
    return found === null || (ended.has(id) && !hasEnded(found as SessionRecord))
  })
  t.ok(acknowledged.length >= 300)
  t.strictSame(lost, [])
  t.match(handle.prepare('PRAGMA integrity_check').get(), { integrity_check: 'ok' })
})

t.test('an app hears what another process ended, without asking', async t => {
  const file = newFile(t)
  const { app, send, signIn } = await testApp(t, { store: sqliteStore(file, { poll: '10ms' }), now: Date.now })
  const process = await child(t, file, 'end')
  process.send('go')
  const cookie = await signIn()
  const { id } = (await send('/me', { cookie })).json<{ id: string }>()
  const heard = new Promise(resolve => { app.sessions.onRemoteEnd(resolve) })
  process.send(id)
  t.match(await heard, { id, reason: 'revoked', by: 'another process' })
  t.match((await send('/me', { cookie })).json(), { code: 'FST_SESSION_ENDED', reason: 'revoked' })
})

t.test('a watcher that was away too long is told that it missed something', async t => {
  const file = newFile(t)
  const { store, clock } = await open(t, file)
  const { store: node } = await open(t, file, { clock })
  const { id } = await createSession(store, clock)
  let lost = 0
  const watch = await node.subscribe?.({ ended: () => {}, changed: () => {}, lost: () => { lost++ } })
  for (let i = 0; i < 5000; i++) await store.update(id, { deviceName: String(i) })
  await watch?.probe()
  t.equal(lost, 1, 'more changes than are kept')
  await store.update(id, { deviceName: 'last' })
  clock.now += 120_000
  await store.cleanup(10)
  await watch?.probe()
  t.equal(lost, 2, 'changes that were purged')
  await store.update(id, { deviceName: 'heard' })
  await watch?.probe()
  t.equal(lost, 2)
  await watch?.close()
})

t.test('a watcher that cannot read its file says so', async t => {
  const file = newFile(t)
  const handle = await openFile(file)
  const store = sqliteStore(handle, { poll: 10 })
  await store.open(context())
  t.teardown(() => handle.close())
  const lost = new Promise<void>(resolve => { void store.subscribe?.({ ended: () => {}, changed: () => {}, lost: resolve }) })
  handle.exec('DROP TABLE session_changes')
  // the timer of a watch keeps no process alive
  const awake = setInterval(() => {}, 1000)
  await lost
  clearInterval(awake)
  t.pass('told')
})

t.test('a locked file is bounded in time: reads continue, writes get 503', async t => {
  const file = newFile(t)
  const { app, send, signIn, clock } = await testApp(t, { store: sqliteStore(file, { busyTimeout: '10ms' }) })
  const cookie = await signIn()
  const other = await openFile(file)
  t.teardown(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  t.equal((await send('/me', { cookie })).statusCode, 200)
  const refused = await send('/login', { method: 'POST', payload: { userId: 'bob' } })
  t.match(refused.json(), { statusCode: 503, code: 'FST_SESSION_STORE_UNAVAILABLE' })
  t.equal(refused.headers['retry-after'], '1')
  t.notMatch(refused.body, /lock|SQLITE/i)
  t.match(
    (await send(`${api}/logout`, { method: 'POST', cookie, payload: {} })).json(),
    { statusCode: 503, code: 'FST_SESSION_REVOCATION_PENDING' },
    'an end that was not done says so'
  )
  t.equal((await send('/public', { cookie })).statusCode, 200)
  await t.rejects(app.sessions.ping())
  other.exec('COMMIT')
  clock.now += 60_000
  await app.sessions.ping()
  await app.sessions.cleanup()
  t.equal((await send('/me', { cookie })).statusCode, 401, 'the end is done meanwhile')
  t.ok(await signIn('bob'))
})

t.test('a full disk rejects new sessions, keeps existing ones, and recovers', async t => {
  const file = newFile(t)
  const handle = await openFile(file)
  t.teardown(() => handle.close())
  const { send, signIn, app } = await testApp(t, { store: sqliteStore(handle) })
  const cookie = await signIn()
  handle.exec('PRAGMA max_page_count = 40')
  const payload = { text: 'x'.repeat(9000) }
  let full
  do full = await send('/login', { method: 'POST', payload: { userId: 'bob' } }); while (full.statusCode === 200)
  t.match(full.json(), { statusCode: 503, code: 'FST_SESSION_STORE_FULL' })
  t.match((await send('/data', { method: 'POST', cookie, payload })).json(), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  t.equal((await send('/me', { cookie })).statusCode, 200)
  handle.exec('PRAGMA max_page_count = 1000000')
  t.equal((await send('/data', { method: 'POST', cookie, payload })).statusCode, 200)
  t.not((await app.sessions.revokeUser('bob')).length, 0)
})

t.test('a file that cannot be written is read', async t => {
  const { store, handle, clock } = await open(t, newFile(t))
  const { id } = await createSession(store, clock)
  handle.exec('PRAGMA query_only = 1')
  t.match(store.read(id), { id })
  t.throws(() => store.touch([{ id, requestCount: 1, seenAt: clock.now, generation: 0 }], clock.now))
  t.throws(() => store.update(id, { deviceName: 'x' }))
  t.throws(() => store.end({ ids: [id] }, { reason: 'logout', by: null }), 'never as if it had')
  t.throws(() => store.saveStatistics({ node: 'n', start: 0, interval: 300_000, value: '{}', until: 1 }))
  handle.exec('PRAGMA query_only = 0')
  t.match(await store.end({ ids: [id] }, { reason: 'logout', by: null }), { ended: [{ id }] })
})

t.test('a row is read once, and again after anybody else has written; an expired session is not revived by what comes late', async t => {
  const file = newFile(t)
  const handle = await openFile(file)
  let rows = 0
  const counted: SqliteHandle = {
    exec: sql => handle.exec(sql),
    close: () => handle.close(),
    prepare (sql) {
      const statement = handle.prepare(sql)
      const isRead = /^SELECT id, user_id, generation.* WHERE id = \?$/.test(sql)
      const get = (...values: SqliteValue[]): unknown => { rows += Number(isRead); return statement.get(...values) }
      return Object.assign(Object.create(statement) as SqliteStatement, {
        get,
        all: (...values: SqliteValue[]) => statement.all(...values),
        run: (...values: SqliteValue[]) => statement.run(...values),
        ...statement.raw !== undefined && { raw: () => statement.raw?.() },
        ...statement.setReturnArrays !== undefined && { setReturnArrays: (on: boolean) => { statement.setReturnArrays?.(on) } }
      })
    }
  }
  const { store: other, clock } = await open(t, file)
  const store = sqliteStore(counted, { prefix: 'app_' })
  await store.open(context({ now: () => clock.now }))
  t.teardown(async () => { await store.close(); handle.close() })
  const { id } = await createSession(store, clock)
  const reads = (): number => { rows = 0; store.read(id); store.read(id); return rows }
  t.equal(reads(), 1)
  t.equal(reads(), 0)
  clock.now += 1000
  await store.touch([{ id, requestCount: 2, seenAt: clock.now, generation: 0, ip: '198.51.100.9' }], clock.now)
  t.match(store.read(id), { requestCount: 2, lastSeenAt: clock.now, ip: '198.51.100.9', confirmedAt: clock.now })
  t.equal(reads(), 0, 'its own requests it knows')
  t.match(await store.update(id, { deviceName: 'Desk' }), { status: 'done' })
  t.match(store.read(id), { deviceName: 'Desk' })
  await other.update(id, { set: { a: '1' } })
  t.match(store.read(id), { data: { a: '1' } }, 'seen at once')
  await other.touch([{ id, requestCount: 1, seenAt: 0, generation: 0 }], clock.now)
  t.match(store.read(id), { requestCount: 3 })
  clock.now += day
  t.strictSame(await store.touch([{ id, requestCount: 1, seenAt: clock.now, generation: 0 }], clock.now), [id])
  t.match(store.read(id), { reason: 'idle-timeout' })
})

t.test(
  'a second store of a process on the same file leaves the first one its locks',
  { skip: !existsSync('/proc/locks') && 'the system does not tell who has locks' },
  async t => {
    const file = newFile(t)
    const locks = (): number =>
      readFileSync('/proc/locks', 'utf8')
        .split('\n')
        .filter(line => line.includes(` ${process.pid} `) && line.includes(`:${statSync(file).ino} `)).length
    const [first, second] = ['a_', 'b_'].map(prefix => sqliteStore(file, { prefix })) as [Store, Store]
    await first.open(context())
    t.equal(locks(), 1)
    await second.open(context())
    // whoever closes any descriptor of a file gives up all locks that the process has on it
    t.equal(locks(), 1)
    await second.close()
    t.equal(locks(), 1)
    await first.close()
  }
)

t.test('a corrupt row is lost for its user, affects no other user, and ends like any other', async t => {
  const warnings: string[] = []
  const { store, handle, clock } = await open(t, newFile(t), { context: { warn: message => { warnings.push(message) } } })
  const ids: string[] = []
  for (const text of ['{', 'null', '{"a":1}', '']) {
    const { id } = await createSession(store, clock)
    handle.prepare('UPDATE app_live SET data = ? WHERE id = ?').run(text, id)
    ids.push(id)
  }
  const good = await createSession(store, clock)
  const [first, second] = ids as [string, string]
  for (const id of ids) t.equal(store.read(id), null)
  t.equal(warnings.length, 1, 'a warning is enough')
  t.match(warnings[0], first)
  t.match(store.update(first, { set: { a: '1' } }), { status: 'gone' })
  t.match((await store.list({}, all)).items.map(({ id }) => id), [good.id])
  t.match(await store.count({}, null), { count: 5 })
  t.match(await store.end({ ids: [first] }, { reason: 'revoked', by: null }), { ended: [{ id: first }] })
  const refused = await store.create(
    { ...good, id: 'another' },
    { at: clock.now, limit: { max: 4, onExceeded: 'reject' }, replaces: null, adopts: null }
  )
  t.match(refused, { status: 'refused', live: { length: 4 } })
  handle.prepare('UPDATE app_history SET reason = ?, device_name = ? WHERE id = ?').run('a whim', '\0', first)
  t.match(store.read(first), { reason: 'a whim' })
  t.match(await store.history({}, all), { items: [{ id: first }] })
  clock.now += day
  t.equal((await store.cleanup(50)).ended.length, 4)
  t.match(store.read(second), { reason: 'idle-timeout' })
})

t.test(
  'users and devices are kept once for all ended sessions that have them, and not longer; a device that is sealed is kept as it is',
  async t => {
    const { store, handle, clock } = await open(t, newFile(t), { context: { history: day } })
    const fixture = new LawFixture({ clock, open: async () => store, close: async () => {} }, store)
    const words = (): unknown[] =>
      handle
        .prepare('SELECT text, uses FROM app_strings ORDER BY text')
        .all()
        .map(row => ({ ...(row as object) }))
    const sealed = 's'.repeat(64)
    const ended = async (userId: string, device: string | null): Promise<string> => {
      const { id } = await fixture.created({ userId, device: toDevice(device) })
      await store.end({ ids: [id] }, { reason: 'logout', by: null })
      return id
    }
    const ids = [
      await ended('ada', 'Firefox'),
      await ended('ada', 'ada'),
      await ended('bob', 'Firefox'),
      await ended('bob', sealed),
      await ended('bob', null)
    ]
    t.strictSame(words(), [
      { text: 'Firefox||', uses: 2 },
      { text: 'ada', uses: 2 },
      { text: 'ada||', uses: 1 },
      { text: 'bob', uses: 3 }
    ])
    t.match(
      ids.map(id => store.read(id)),
      [
        { userId: 'ada', device: { browser: 'Firefox' } },
        { userId: 'ada', device: { browser: 'ada' } },
        { userId: 'bob', device: { browser: 'Firefox' } },
        { userId: 'bob', device: { browser: sealed } },
        { userId: 'bob', device: unknownDevice }
      ]
    )
    t.match((await store.history({ userId: 'bob' }, all)).items, { length: 3 })
    clock.now += day
    await store.cleanup(50)
    t.strictSame(words(), [])
  }
)

t.test('a transaction that SQLite itself takes back changes nothing, and hinders nothing after it', async t => {
  const { store, handle, clock } = await open(t, newFile(t))
  const [a] = [await createSession(store, clock), await createSession(store, clock)]
  handle.exec('CREATE TRIGGER whim BEFORE INSERT ON app_history BEGIN SELECT RAISE(ROLLBACK, \'not today\'); END')
  t.throws(() => store.end({ userId: 'ada' }, { reason: 'revoked', by: null }), /not today/)
  t.match(store.read(a.id), { hash: a.hash })
  handle.exec('DROP TRIGGER whim')
  t.match(await store.end({ userId: 'ada' }, { reason: 'revoked', by: null }), { ended: { length: 2 } })
})

t.test('many sessions are written, counted and ended in batches', async t => {
  const { sessions } = await manager(t, { store: `file:${newFile(t)}`, maxSessions: Infinity })
  const tokens: string[] = []
  for (let i = 0; i < 2100; i++) tokens.push((await sessions.create({ userId: `user ${i % 50}` })).token)
  for (const token of tokens) await sessions.validate(presented(token), { ip: '192.0.2.1', userAgent: 'curl/8', passive: false })
  await sessions.cleanup()
  t.equal(await sessions.count({ minRequests: 1 }), 2100)
  t.match(await sessions.list({ search: 'nobody' }), { items: [], cursor: String })
  let ended = 0
  let cursor: string | null = null
  do {
    const before = (await sessions.totals()).live
    const revoking: Promise<{ ended: readonly unknown[], cursor: string | null }> = sessions.revokeWhere({}, { cursor })
    t.ok(before - (await sessions.totals()).live <= 50, 'requests get their turn after 50')
    const step = await revoking
    t.ok(step.ended.length <= 500)
    ended += step.ended.length
    cursor = step.cursor
  } while (cursor !== null)
  t.equal(ended, 2100)
  t.match(await sessions.totals(), { live: 0, users: 0 })
})

t.test('an end by filter that fails halfway answers what has ended, and where to go on', async t => {
  const { store, handle, clock } = await open(t, newFile(t))
  for (let i = 0; i < 60; i++) {
    clock.now++
    await createSession(store, clock)
  }
  handle.exec(
    `CREATE TRIGGER whim BEFORE INSERT ON app_history WHEN new.created_at = ${clock.now - 5} BEGIN SELECT RAISE(ABORT, 'not this one'); END`
  )
  const why = { reason: 'revoked', by: null } as const
  const { ended, cursor } = await store.end({ filter: {}, limit: 500, cursor: null }, why)
  t.equal(ended.length, 50)
  await t.rejects(async () => store.end({ filter: {}, limit: 500, cursor }, why), /not this one/)
  handle.exec('DROP TRIGGER whim')
  t.match(await store.end({ filter: {}, limit: 500, cursor }, why), { ended: { length: 10 }, cursor: null })
})

t.test('a store that is closed amid an end by filter answers what has ended, and ends no more', async t => {
  const file = newFile(t)
  const { store, clock, close } = await open(t, file)
  for (let i = 0; i < 120; i++) await createSession(store, clock)
  const ending = store.end({ filter: {}, limit: 500, cursor: null }, { reason: 'revoked', by: null })
  await close()
  t.match(await ending, { ended: { length: 50 }, cursor: String })
  const again = await open(t, file)
  t.match(await again.store.count({}, null), { count: 70 })
  for (let i = 0; i < 1000; i++) await createSession(again.store, clock)
  const nothing = again.store.end(
    { filter: { userId: 'ada', search: 'nobody' }, limit: 500, cursor: null },
    { reason: 'revoked', by: null }
  )
  await again.close()
  t.match(await nothing, { ended: { length: 0 }, cursor: String })
})

t.test('an end by filter waits for no disk where each write does', async t => {
  const { store, clock } = await open(t, newFile(t), { synchronous: 'full' })
  await createSession(store, clock)
  t.match(await store.end({ filter: {}, limit: 500, cursor: null }, { reason: 'revoked', by: null }), {
    ended: { length: 1 },
    cursor: null
  })
})

t.test('a start goes on where the last one stopped, whichever driver it was', async t => {
  const file = newFile(t)
  for (const [i, driver] of [...present, ...present].entries()) {
    const { store, clock, close } = await open(t, file, { driver })
    t.equal((await store.count({}, null)).count, i)
    await createSession(store, clock)
    await close()
  }
  const url = pathToFileURL(file).href
  for (const name of [url, `file:${relative(process.cwd(), file)}`]) {
    const { sessions } = await manager(t, { store: name })
    t.equal(sessions.store.name, 'sqlite')
  }
})

t.test('a start that others are in the way of goes on after them; one that cannot be does not', async t => {
  const start = async (message: string, times: number): Promise<void> => {
    const handle = await openFile(newFile(t))
    let left = times
    const crowded: SqliteHandle = {
      exec: sql => handle.exec(sql),
      close: () => handle.close(),
      prepare (sql) {
        if (sql.includes('journal_mode') && left-- > 0) throw new Error(message)
        return handle.prepare(sql)
      }
    }
    t.teardown(() => handle.close())
    const store = sqliteStore(crowded)
    await store.open(context())
    await store.close()
  }
  await start('database is locked', 3)
  await t.rejects(start('database is locked', Infinity), /locked/)
  await t.rejects(start('disk I/O error', 1), /disk/)
})

t.test(
  "a new file is its owner's only, and so are those beside it",
  { skip: process.platform === 'win32' && 'rights of another kind' },
  async t => {
    const file = newFile(t)
    await manager(t, { store: `file:${file}` })
    for (const name of [file, `${file}-wal`, `${file}-shm`]) t.equal(statSync(name).mode & 0o777, 0o600)
  }
)

t.test('an end is over at once, and answered when the disk has it, which every write waits for where that is asked for', async t => {
  for (const [synchronous, level] of [['normal', 1], ['full', 2]] as const) {
    const { store, handle, clock } = await open(t, newFile(t), { synchronous })
    const setting = (name: string): unknown => Object.values(handle.prepare(`PRAGMA ${name}`).get() as object)[0]
    t.equal(setting('synchronous'), level)
    t.equal(setting('busy_timeout'), 100)
    const { id } = await createSession(store, clock)
    const ending = store.end({ ids: [id] }, { reason: 'logout', by: null })
    t.match(store.read(id), { reason: 'logout' })
    t.equal(isThenable(ending), synchronous === 'normal')
    t.match(await ending, { ended: [{ id }] })
  }
})

t.test('a handle that was handed in stays open; a verb that comes too late is refused', async t => {
  const handle = await openFile(newFile(t))
  const store = sqliteStore(handle)
  t.throws(() => store.read('x'), { code: 'FST_SESSION_CLOSED' })
  await store.open(context())
  await store.close()
  t.throws(() => store.read('x'), { code: 'FST_SESSION_CLOSED' })
  t.match(handle.prepare('SELECT live FROM session_state').get(), { live: 0 })
  handle.close()
})

t.test('what cannot be a store is refused, with the cure', async t => {
  const refused = { code: 'FST_SESSION_INVALID_OPTION' }
  for (const source of ['', ':memory:', {}, null, 5, { exec () {}, prepare () {} }]) t.throws(() => sqliteStore(source as string), refused)
  for (const options of [
    { prefix: '' },
    { prefix: 'a"b' },
    { prefix: 'A' },
    { prefix: '1' },
    { busyTimeout: '1s' },
    { busyTimeout: -1 },
    { poll: 0 },
    { synchronous: 'off' }
  ]) {
    t.throws(() => sqliteStore('x', options as object), refused)
  }
  await t.rejects(openFile('x', [['no-such-driver', 'default']]), { ...refused, message: /install `libsql`/ })
  const memory = await openFile(':memory:')
  await t.rejects(async () => sqliteStore(memory).open(context()), { ...refused, message: /a disk of this machine/ })
  memory.close()
  const file = newFile(t)
  const { handle, close } = await open(t, file)
  handle.exec('UPDATE app_state SET version = 2')
  await close()
  await t.rejects(async () => sqliteStore(file, { prefix: 'app_' }).open(context()), { ...refused, message: /version 1.*not 2/ })
  const text = join(dirname(file), 'text')
  writeFileSync(text, 'no database at all, but long enough to be one. '.repeat(200))
  await t.rejects(async () => sqliteStore(text).open(context()), /not a database/)
  await t.rejects(async () => sqliteStore(join(dirname(file), 'nowhere', 'x')).open(context()))
  const blocked = newFile(t)
  const other = await openFile(blocked)
  other.exec('CREATE TABLE session_live (x)')
  other.close()
  await t.rejects(async () => sqliteStore(blocked).open(context()), /session_live/, 'a schema that cannot be made whole is not made at all')
})
