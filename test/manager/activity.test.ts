import t from 'tap'
import type { Store } from '../../lib/index.ts'
import { ActivityBuffer } from '../../lib/manager/activity.ts'
import { toEnded } from '../../lib/model/record.ts'
import { gate } from '../helpers/app.ts'
import { testCore } from '../helpers/core.ts'
import { aRecord, minute, visit } from '../helpers/manager.ts'
import type { Test } from '../helpers/manager.ts'
import { Network } from '../helpers/network.ts'

t.test('activity', async t => {
  const record = await aRecord(t)
  const now = record.createdAt

  async function gathered (t: Test, touch: Store['touch']) {
    const { core, events } = await testCore(t, { flushInterval: minute })
    const activity = new ActivityBuffer({ ...core, store: { ...new Network().node(), touch } })
    t.teardown(() => activity.stop())
    // by the clock of the core no batch is due
    void activity.flush(now)
    const counted = async (): Promise<number> => (await core.statistics.statistics('1h', now)).requests
    const end = (): void => { core.notifier.ended([toEnded(record, { reason: 'logout', by: null, at: now })]) }
    return { activity, events, counted, end }
  }

  t.test('of a session that nobody used is none', async t => {
    const { activity, end } = await gathered(t, async () => [])
    t.equal(activity.seenAt(record.id), 0)
    t.equal(activity.requests(record.id), 0)
    t.equal(activity.confirmedAt(record, now), null)
    end()
    t.equal(activity.flush(now), undefined)
  })

  t.test('that keeps nothing alive shows all the same that a browser has its cookie', async t => {
    const { activity, end } = await gathered(t, async () => [])
    activity.record(record, { ...visit, passive: true }, now)
    t.equal(activity.seenAt(record.id), 0)
    t.equal(activity.confirmedAt(record, now + 1), now + 1)
    t.equal(activity.confirmedAt({ ...record, generation: 1 }, now), null, 'but not the next one')
    end()
    t.equal(activity.requests(record.id), 0)
  })

  for (const [where, wrap] of [['in this process', <T> (value: T) => value], ['over a network', async <T> (value: T) => value]] as const) {
    t.test(`of many sessions is written in slices ${where}`, async t => {
      const sizes: number[] = []
      const { activity, counted } = await gathered(t, batch => { sizes.push(batch.length); return wrap([]) })
      for (let i = 0; i < 450; i++) activity.record({ ...record, id: `session ${i}` }, visit, now)
      await activity.flush(now)
      t.strictSame(sizes, [200, 200, 50])
      t.equal(await counted(), 450)
    })
  }

  t.test('that could not be written joins what came meanwhile: the newer place, the later instant, no count twice', async t => {
    const held = gate()
    const written: unknown[] = []
    let fails = true
    const { activity, counted } = await gathered(t, async batch => {
      await held.opened
      if (fails) throw new Error('away')
      written.push(...batch.map(touch => ({ ...touch })))
      return []
    })
    for (const id of ['moved', 'stayed']) activity.record({ ...record, id }, { ...visit, ip: '192.0.2.7', userAgent: 'wget/1' }, now)
    const first = activity.flush(now)
    activity.record({ ...record, id: 'moved' }, { ...visit, ip: '192.0.2.9', userAgent: 'Wget/2' }, now + 1)
    activity.record({ ...record, id: 'stayed' }, visit, now + 2)
    held.open()
    await first
    fails = false
    await activity.flush(now + 3)
    t.match(written, [
      { id: 'moved', ip: '192.0.2.9', userAgent: 'Wget/2', seenAt: now + 1, requestCount: 1 },
      { id: 'stayed', ip: '192.0.2.7', userAgent: 'wget/1', seenAt: now + 2, requestCount: 1 }
    ])
    t.equal(await counted(), 2)
  })
})
