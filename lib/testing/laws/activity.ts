import { deepEqual, equal } from 'node:assert/strict'
import { expiresAt } from '../../model/record.ts'
import { hour, law, minute, second } from './fixture.ts'

/** Law 6: activity never moves a session back in time, and adds up; nothing lengthens a life past its absolute deadline. */
export const activityLaws = [
  law('6 requests of all nodes add up, and the last one counts', async stage => {
    const { ground, store, clock } = stage
    const node = await ground.open()
    const [a, b] = await stage.several(2)
    const [first, second] = [a.id, b.id]
    clock.now += minute
    await Promise.all(Array.from({ length: 10 }, async (_, i) => (i % 2 === 0 ? store : node).touch(
      [stage.touch(first, { requests: 3, seenAt: clock.now - i * 100 }), stage.touch(second)], clock.now)))
    const record = await stage.live(first)
    equal(record?.requests, 30)
    equal(record.lastSeenAt, clock.now)
    equal((await stage.live(second))?.requests, 10)
    equal((await stage.live(first))?.ip, '192.0.2.1', 'what is not given stays')
  }),
  law('6 a batch may name a session twice', async stage => {
    const { id } = await stage.created()
    stage.clock.now += minute
    await stage.store.touch([stage.touch(id, { requests: 2 }), stage.touch(id, { requests: 3, seenAt: stage.clock.now - 5 })], stage.clock.now)
    const record = await stage.live(id)
    equal(record?.requests, 5)
    equal(record.lastSeenAt, stage.clock.now)
  }),
  law('6 where a session was last is kept, and where it was first', async stage => {
    const { id } = await stage.created()
    const agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)'
    await stage.store.touch([stage.touch(id, { ip: '2001:db8::7', agent, device: 'Safari 18|iOS|mobile' })], stage.clock.now)
    const moved = await stage.live(id)
    deepEqual([moved?.ip, moved?.agent, moved?.device, moved?.firstIp], ['2001:db8::7', agent, 'Safari 18|iOS|mobile', '192.0.2.1'])
    await stage.store.touch([stage.touch(id, { ip: null, agent: null, device: null })], stage.clock.now)
    const unknown = await stage.live(id)
    deepEqual([unknown?.ip, unknown?.agent, unknown?.device], [null, null, null])
  }),
  law('6 a passive request counts and keeps nothing alive', async stage => {
    const record = await stage.created()
    stage.clock.now += minute
    await stage.store.touch([stage.touch(record.id, { seenAt: 0 })], stage.clock.now)
    const after = await stage.live(record.id)
    equal(after?.requests, 1)
    equal(after.lastSeenAt, record.lastSeenAt)
  }),
  law('6 activity that comes late, or twice, never moves a session back', async stage => {
    const { store, clock } = stage
    const { id } = await stage.created()
    clock.now += 10 * minute
    await store.touch([stage.touch(id)], clock.now)
    await store.touch([stage.touch(id, { seenAt: clock.now - 5 * minute, requests: 0 })], clock.now)
    equal((await stage.live(id))?.lastSeenAt, clock.now)
  }),
  law('6 the instants of a node whose clock is wrong are moved to the store\'s clock', async stage => {
    const { store, clock } = stage
    for (const skew of [-3 * hour, 3 * hour]) {
      const wrong = clock.now + skew
      const record = stage.record({ createdAt: wrong, lastSeenAt: wrong, rotatedAt: wrong, authenticatedAt: wrong, absoluteAt: wrong + 12 * hour, confirmedAt: wrong })
      const created = await store.create(record, { at: wrong, limit: null, replaces: null, adopts: null })
      const { now } = clock
      deepEqual(created.status === 'created' && created.record, { ...record, createdAt: now, lastSeenAt: now, rotatedAt: now, authenticatedAt: now, absoluteAt: now + 12 * hour, confirmedAt: now })
      clock.now += minute
      await store.touch([stage.touch(record.id, { seenAt: clock.now + skew - 10 * second })], clock.now + skew)
      equal((await stage.live(record.id))?.lastSeenAt, clock.now - 10 * second)
    }
  }),
  law('6 a session is not seen in the future', async stage => {
    const { id } = await stage.created()
    stage.clock.now += minute
    await stage.store.touch([stage.touch(id, { seenAt: stage.clock.now + hour })], stage.clock.now)
    equal((await stage.live(id))?.lastSeenAt, stage.clock.now)
  }),
  law('6 a clock that was turned back moves nothing back and lengthens nothing', async stage => {
    const { store, clock } = stage
    const record = await stage.created()
    clock.now += 10 * minute
    await store.touch([stage.touch(record.id)], clock.now)
    const seenAt = clock.now
    clock.now -= 5 * minute
    await store.touch([stage.touch(record.id)], clock.now)
    await store.update(record.id, { seen: true })
    const after = await stage.live(record.id)
    equal(after?.lastSeenAt, seenAt)
    equal(after.absoluteAt, record.absoluteAt)
  }),
  law('6 nothing but a new proof of who the user is passes the absolute deadline', async stage => {
    const { store, clock } = stage
    const record = await stage.created({ absoluteAt: stage.clock.now + 40 * minute })
    clock.now += 20 * minute
    await store.update(record.id, { seen: true })
    await store.touch([stage.touch(record.id)], clock.now)
    await store.update(record.id, { shorten: { absolute: 10 * hour } })
    const extended = await stage.live(record.id)
    equal(extended?.lastSeenAt, clock.now)
    equal(expiresAt(extended), record.absoluteAt)
    const shortened = await store.update(record.id, { shorten: { absolute: minute } })
    equal(shortened.status === 'done' && shortened.record.absoluteAt, clock.now + minute)
    const proved = await store.update(record.id, { authenticate: { methods: 'webauthn', idle: hour, absolute: 2 * hour } })
    deepEqual(proved.status === 'done' && proved.record, {
      ...extended, authenticatedAt: clock.now, lastSeenAt: clock.now, methods: 'webauthn', idle: hour, absoluteAt: clock.now + 2 * hour
    })
  })
]
