import t from 'tap'
import type { EndedSession } from '../../lib/index.ts'
import { EndNotifier } from '../../lib/manager/end-notifier.ts'
import { toEnded } from '../../lib/model/record.ts'
import { testCore } from '../helpers/core.ts'
import { openManager } from '../helpers/manager.ts'

t.test('an instance recognises its own ends when the store sends them back, of the last ten thousand', async t => {
  const { core } = await testCore(t)
  const { session } = await (await openManager(t)).sessions.create({ userId: 'ada' })
  const ends = Array.from({ length: 10_003 }, (_, i) =>
    toEnded({ ...session, id: `session ${i}` }, { reason: 'logout', by: null, at: session.createdAt })
  )
  const remote: string[] = []
  const onError = (error: unknown): void => { throw error }
  const heard = (notifier: EndNotifier): EndNotifier => { notifier.onRemoteEnd(({ id }) => { remote.push(id) }); return notifier }
  const alone = heard(new EndNotifier(core.events, { echoes: false, onError }))
  alone.ended(ends.slice(0, 1))
  alone.endedRemotely(ends[0] as EndedSession)
  t.strictSame(remote.splice(0), ['session 0'], 'a store that sends no own ends back')
  const notifier = heard(new EndNotifier(core.events, { echoes: true, onError }))
  notifier.ended(ends.slice(0, 10_002))
  notifier.endedRemotely(ends[0] as EndedSession)
  notifier.endedRemotely(ends[0] as EndedSession)
  t.strictSame(remote, ['session 0'], 'an end comes back once')
  notifier.ended(ends.slice(1, 2))
  notifier.ended(ends.slice(10_002))
  notifier.endedRemotely(ends[10_002] as EndedSession)
  t.equal(remote.length, 1)
})
