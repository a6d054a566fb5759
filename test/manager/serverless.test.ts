import { join } from 'node:path'
import Database from 'libsql'
import t from 'tap'
import { SessionManager } from '../../lib/index.ts'
import type { SessionManagerOptions, Store } from '../../lib/index.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import { secret } from '../helpers/app.ts'

type Test = { teardown: (fn: () => unknown) => void }

function onPlatform (t: Test, variable: string): void {
  t.teardown(() => { Reflect.deleteProperty(process.env, variable) })
  process.env[variable] = 'app'
}

async function open (t: Test, options: Partial<SessionManagerOptions>): Promise<SessionManager> {
  const manager = await new SessionManager({ secret, warn: () => {}, ...options }).open()
  t.teardown(() => manager.close())
  return manager
}

for (const variable of ['AWS_LAMBDA_FUNCTION_NAME', 'K_SERVICE', 'FUNCTIONS_WORKER_RUNTIME', 'VERCEL', 'NETLIFY']) {
  t.test(`${variable}: an active user stays signed in when each instance is suspended after its answer`, async t => {
    onPlatform(t, variable)
    const file = join(t.testdir(), 'sessions.db')
    const clock = { now: Date.now() }
    const instance = (): Promise<SessionManager> => open(t, { store: sqliteStore(new Database(file)), now: () => clock.now })
    const [first, second] = [await instance(), await instance()]
    const { token, session } = await first.create({ userId: 'ada' })
    const request = { ip: '192.0.2.1', userAgent: 'a browser', passive: false }
    await first.validate(token, request)
    clock.now += 900
    await first.validate(token, request)
    // from here on the first instance does not run
    const seen = await second.get(session.id)
    t.equal(seen !== null && seen.lastSeenAt, clock.now)
  })
}

t.test('an interval that loses activity on such a platform warns at the start', async t => {
  const warnings: string[] = []
  const warn = (message: string): void => { warnings.push(message) }
  const dir = t.testdir()
  const store = (): Store => sqliteStore(new Database(join(dir, 'sessions.db')))
  await open(t, { store: store(), warn })
  t.strictSame(warnings, [])
  onPlatform(t, 'K_SERVICE')
  await open(t, { store: store(), warn })
  t.strictSame(warnings, [])
  await open(t, { store: store(), warn, flushInterval: '2s' })
  t.match(warnings, [/^Cloud Run suspends instances/])
})
