import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { isThenable } from '../../../lib/async.ts'
import { SessionManager } from '../../../lib/index.ts'
import { sqliteStore } from '../../../lib/stores/sqlite.ts'
import { serve } from '../../../lib/stores/sqlite/checkpointer.ts'
import { Checkpoints } from '../../../lib/stores/sqlite/checkpoints.ts'
import { Database } from '../../../lib/stores/sqlite/database.ts'
import { drivers, openDriven } from '../../../lib/stores/sqlite/driver.ts'
import type { Driver } from '../../../lib/stores/sqlite/driver.ts'
import { secret } from '../../helpers/app.ts'

type Test = { teardown: (fn: () => unknown) => void }

const libsql: Driver = ['libsql', 'default']
const present: Driver[] = [...drivers.slice(0, process.version.startsWith('v20.') ? 0 : 1), libsql]
const [preferred] = present as [Driver]

function newFile (t: Test): string {
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sqlite-'))
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  return join(dir, 'sessions.db')
}

/** A module that a worker runs instead of the real one. */
const script = (text: string): URL =>
  new URL(`data:text/javascript,import { parentPort } from 'node:worker_threads'; ${encodeURIComponent(text)}`)

interface Opened {
  readonly database: Database
  readonly checkpoints: Checkpoints
  readonly warnings: unknown[][]
  /** Pages after which SQLite makes a checkpoint itself. */
  own (): number
  /** One transaction that changes so many rows. */
  change (rows: number): void
}

async function open (
  t: Test,
  { driver = preferred, module, file = newFile(t) }: { driver?: Driver; module?: URL; file?: string } = {}
): Promise<Opened> {
  const { handle } = await openDriven(file, [driver])
  const database = new Database(handle, { prefix: 'app_', synchronous: 'normal', busyTimeout: 100 })
  const warnings: unknown[][] = []
  const checkpoints = new Checkpoints(database, {
    file: database.file,
    driver,
    warn: (...warning) => {
      warnings.push(warning)
    },
    ...(module && { module })
  })
  t.teardown(async () => {
    await checkpoints.close()
    database.close()
  })
  return {
    database,
    checkpoints,
    warnings,
    own: () => Number(database.query('PRAGMA wal_autocheckpoint').get()?.[0]),
    change: rows => {
      database.write(() => {
        for (let i = 0; i < rows; i++) database.sql.saveStatistics.run(i, 1, 'n', '{}', 1)
      })
    }
  }
}

/** Turn after turn, until it is so. */
async function until (condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

for (const driver of present) {
  t.test(`a worker copies the log into the file, and the locks of both threads hold, on ${driver[0]}`, async t => {
    const file = newFile(t)
    const { checkpoints, change, own, warnings } = await open(t, { driver, file })
    const { size } = statSync(file)
    t.ok(own() > 10_000, 'the writer makes none, if all goes well')
    change(249)
    change(1)
    await until(() => statSync(file).size > size)
    const { handle: other } = await openDriven(file, [driver])
    t.teardown(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    t.throws(() => { change(1) }, /locked/)
    other.exec('COMMIT')
    change(300)
    await checkpoints.close()
    change(300)
    t.match(other.prepare('PRAGMA integrity_check').get(), { integrity_check: 'ok' })
    t.strictSame(warnings, [])
  })
}

t.test('without a worker, the writer makes the checkpoints as before, and it is told once', async t => {
  const cases: readonly [string, URL, RegExp?][] = [
    ['a worker that is not allowed', new URL('http://localhost/'), /scheme/],
    ['a module that is not there', new URL('nowhere.js', import.meta.url), /nowhere/],
    ['a worker that fails', script('parentPort.on("message", () => { throw new Error("no more") })'), /no more/],
    ['a worker that ends', script('parentPort.on("message", () => { process.exit() })')]
  ]
  for (const [name, module, cause] of cases) {
    const { change, own, warnings, checkpoints } = await open(t, { module })
    change(300)
    await until(() => warnings.length > 0)
    change(300)
    t.equal(own(), 250, name)
    t.equal(warnings.length, 1)
    t.match(warnings[0]?.[0], /hold up requests/)
    if (cause === undefined) t.equal(warnings[0]?.[1], undefined)
    else t.match((warnings[0]?.[1] as Error).message, cause)
    t.equal(checkpoints.pause, null)
    await checkpoints.close()
  }
})

t.test('activity waits for a worker that is behind, and not for one that hangs', async t => {
  const { change, checkpoints } = await open(t, {
    module: script(
      'let log = 2000; parentPort.on("message", order => { if (order === "close") parentPort.close(); if (log > 0) parentPort.postMessage(log); log = 0 })'
    )
  })
  t.equal(checkpoints.pause, null)
  change(300)
  t.equal(checkpoints.pause, null, 'the log is short, for all that is known')
  const awake = setInterval(() => {}, 1000)
  for (let pause = checkpoints.pause; pause === null; pause = checkpoints.pause) {
    await turn()
    change(300)
  }
  await checkpoints.pause
  clearInterval(awake)
  t.not(checkpoints.pause, null, 'it hangs still')
})

t.test('beyond its limit, a log is left to the next writer for a moment', async t => {
  const { change, checkpoints } = await open(t, {
    module: script('parentPort.on("message", order => { if (order === "close") parentPort.close(); else parentPort.postMessage(20000) })')
  })
  change(300)
  change(300)
  const waits = (): boolean => checkpoints.pause !== null
  let early = false
  while (!early && !waits()) {
    await turn()
    early = waits()
    change(1)
  }
  t.notOk(early, 'the next pass begins with a write, not with the answer to the last one')
})

t.test('a checkpoint that fails is answered, and the next one tries again', async t => {
  const { port1, port2 } = new MessageChannel()
  const broken: Driver = [
    'data:text/javascript,export default class { exec () {} close () {} prepare () { let n = 0; return { get () { if (n++ === 0) throw new Error("disk I/O error"); return [0, 7, 7] } } } }',
    'default'
  ]
  await serve(port2, { file: 'any', driver: broken })
  port1.postMessage('pass')
  t.strictSame(await once(port1, 'message'), [-1])
  port1.postMessage('close')
  t.strictSame(await once(port1, 'message'), [7])
  await once(port1, 'close')
})

t.test('a store with a file of its own makes checkpoints off the main thread, writes on meanwhile, and leaves one file', async t => {
  const file = newFile(t)
  const store = sqliteStore(file)
  const sessions = await new SessionManager({ secret, store, maxSessions: Infinity }).open()
  const ids: string[] = []
  for (let i = 0; i < 200; i++) ids.push((await sessions.create({ userId: `user ${i}`, data: { text: 'x'.repeat(20_000) } })).session.id)
  const touch = (): ReturnType<typeof store.touch> =>
    store.touch(
      ids.map(id => ({ id, requestCount: 1, seenAt: 0, generation: 0 })),
      Date.now()
    )
  let written = 0
  let answer: ReturnType<typeof touch>
  do {
    await turn()
    for (const id of ids) await store.update(id, { set: { text: 'y'.repeat(20_000) } })
    answer = touch()
    written++
  } while (!isThenable(answer))
  const closing = sessions.close()
  t.strictSame(await answer, [], 'close waits for it')
  await closing
  const again = await new SessionManager({ secret, store: sqliteStore(file), maxSessions: Infinity }).open()
  t.match(await again.list({ userId: 'user 7' }), { items: [{ requestCount: written }] })
  await again.close()
  // libsql keeps a connection until its statements are collected
  if (preferred !== libsql) t.notOk(existsSync(`${file}-wal`))
})

t.test('a worker keeps no process alive', async t => {
  const child = fork(join(import.meta.dirname, '../../helpers/sqlite-child.ts'), [newFile(t), 'leave'])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  child.send('go')
  t.strictSame(await once(child, 'exit'), [0, null])
})
