import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { openManager } from '../helpers/manager.ts'

t.test('a store is timed whether it answers at once or later, and whether it fails', async t => {
  let fails = false
  const slow: Store = Object.assign(memoryStore(), {
    count: async () => {
      if (fails) throw new Error('away')
      return { count: 7, cursor: null }
    }
  })
  const { sessions } = await openManager(t, { store: slow })
  t.equal(await sessions.count(), 7, 'nobody looks at the time')
  fails = true
  await t.rejects(sessions.count(), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  const timed: string[] = []
  sessions.onStoreOperation(operation => { timed.push(operation) })
  await t.rejects(sessions.count())
  fails = false
  await sessions.count()
  await sessions.ping()
  t.strictSame(timed, ['count', 'count', 'ping'])
})
