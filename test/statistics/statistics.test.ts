import t from 'tap'
import { SessionManager } from '../../lib/index.ts'
import { TopK } from '../../lib/statistics/top-k.ts'
import { secret } from '../helpers/app.ts'
import { minute } from '../helpers/manager.ts'
import { Network } from '../helpers/network.ts'

t.test('what is really frequent is found among thousands, and no count is too low', t => {
  const [here, there] = [new TopK(), new TopK()]
  for (let i = 0; i < 2000; i++) {
    here.add(`rare ${i}`, null)
    if (i % 10 === 0) here.add('frequent', i % 30)
    there.add(`seldom ${i % 300}`, 7)
  }
  there.merge(here.toJSON(100))
  const [first] = there.top(1)
  t.equal(first?.key, 'frequent')
  t.ok((first?.sessions ?? 0) >= 200 && (first?.sessions ?? 0) - (first?.error ?? 0) <= 200)
  t.ok((first?.users ?? 0) >= 3)
  t.equal(there.toJSON(1000).length, 200, 'in bounded memory')
  t.end()
})

t.test('nobody is 0 users, never -0', t => {
  const tops = new TopK()
  tops.add('guests', null)
  t.ok(Object.is(tops.top(1)[0]?.users, 0))
  t.end()
})

t.test('whatever is counted again is not the least frequent any more', t => {
  const tops = new TopK()
  for (let i = 0; i < 200; i++) tops.add(`key ${i}`, null)
  for (const key of ['first', 'key 1', 'second']) tops.add(key, null)
  const keys = tops.top(200).map(({ key }) => key)
  t.strictSame(['key 0', 'key 1', 'key 2', 'key 3', 'first', 'second'].filter(key => !keys.includes(key)), ['key 0', 'key 2'])
  t.end()
})

t.test('over a sealed store', async t => {
  const encryption = (key: string) => ({ keys: key.repeat(40), ip: true, userAgent: true })

  t.test('numbers that were sealed by somebody else count nothing, and harm nobody', async t => {
    const network = new Network()
    const clock = { now: Date.UTC(2026, 0, 1) }
    const node = async (key: string) => {
      const sessions = await new SessionManager({ secret, now: () => clock.now, store: network.node(), encryption: encryption(key) }).open()
      t.teardown(() => sessions.close())
      return sessions
    }
    const [ours, theirs] = [await node('a'), await node('b')]
    await ours.create({ userId: 'ada' })
    const { session } = await theirs.create({ userId: 'bob' })
    for (const node of [ours, theirs, ours]) t.match(await node.statistics(), { created: 1 })
    await ours.ping()
    t.equal(await ours.count(), 2)
    t.match((await ours.list({ userId: 'bob' })).items, [{ id: session.id, ip: null }], 'what does not open is not shown')
    await theirs.revoke(session.id)
    t.match((await ours.history()).items, [{ id: session.id }])
    t.equal(await ours.rename(session.id, 'Laptop'), null)
    clock.now += 13 * 60 * minute
    t.equal(await ours.cleanup(), 1)
  })
})
