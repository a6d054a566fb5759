import t from 'tap'
import type { EndedSession } from '../../lib/model/record.ts'
import { RecentEnds } from '../../lib/stores/recent-ends.ts'
import { unknownDevice } from '../../lib/model/device.ts'

t.test('ends are kept for 15 minutes, at most 20,000 of them; expired sessions are not', async t => {
  const recent = new RecentEnds()
  const ended = (id: number, reason: EndedSession['reason'] = 'logout', by: string | null = null): EndedSession => ({
    id: String(id), userId: 'ada', reason, by,
    createdAt: 0, lastSeenAt: 0, endedAt: 0, requestCount: 0, remembered: false, ip: null, device: unknownDevice, deviceName: null
  })
  recent.add([ended(1), ended(2, 'idle-timeout'), ended(3, 'absolute-timeout'), ended(4, 'revoked', 'admin')], 0)
  t.strictSame(recent.groups(0), [
    { ids: ['1'], why: { reason: 'logout', by: null } },
    { ids: ['4'], why: { reason: 'revoked', by: 'admin' } }
  ])
  recent.add(Array.from({ length: 1200 }, (_, i) => ended(i + 10)), 60_000)
  t.strictSame(recent.groups(14 * 60_000).map(({ ids }) => ids.length), [500, 1, 500, 201])
  t.strictSame(recent.groups(15 * 60_000).map(({ ids }) => ids.length), [500, 500, 200])
  t.equal(recent.get('1'), undefined)
  t.equal(recent.get('10'), recent.all(15 * 60_000)[0])
  recent.add(Array.from({ length: 21_000 }, (_, i) => ended(i + 10_000)), 15 * 60_000)
  t.equal(recent.groups(15 * 60_000).reduce((sum, { ids }) => sum + ids.length, 0), 20_000)
})
