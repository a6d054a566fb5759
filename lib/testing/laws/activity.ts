import { deepEqual, equal } from 'node:assert/strict'
import { expiresAt } from '../../model/record.ts'
import { hour, law, minute, second } from './fixture.ts'
import { unknownDevice } from '../../model/device.ts'

const iPhone = { browser: 'Safari', version: '18', os: 'iOS', type: 'mobile' }

/** Law 6: activity adds up and never moves a timestamp back; only reauthentication extends a session past its absolute timeout. */
export const activityLaws = [
  law('6 request counts of all nodes add up, and the last activity is stored', async fixture => {
    const { environment, store, clock } = fixture
    const node = await environment.open()
    const [a, b] = await fixture.createMany(2)
    const [first, second] = [a.id, b.id]
    clock.now += minute
    await Promise.all(Array.from({ length: 10 }, async (_, i) => (i % 2 === 0 ? store : node).touch(
      [fixture.activity(first, { requestCount: 3, seenAt: clock.now - i * 100 }), fixture.activity(second)], clock.now)))
    const record = await fixture.live(first)
    equal(record?.requestCount, 30)
    equal(record.lastSeenAt, clock.now)
    equal((await fixture.live(second))?.requestCount, 10)
    equal((await fixture.live(first))?.ip, '192.0.2.1', 'an omitted field is not changed')
  }),
  law('6 a batch can contain a session twice', async fixture => {
    const { id } = await fixture.created()
    fixture.clock.now += minute
    await fixture.store.touch([
      fixture.activity(id, { requestCount: 2 }),
      fixture.activity(id, { requestCount: 3, seenAt: fixture.clock.now - 5 })
    ], fixture.clock.now)
    const record = await fixture.live(id)
    equal(record?.requestCount, 5)
    equal(record.lastSeenAt, fixture.clock.now)
  }),
  law('6 the first and the last IP address and user agent are stored', async fixture => {
    const { id } = await fixture.created()
    const agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)'
    const changed = { ip: '2001:db8::7', userAgent: agent, device: iPhone }
    await fixture.store.touch([fixture.activity(id, changed)], fixture.clock.now)
    const moved = await fixture.live(id)
    deepEqual([moved?.ip, moved?.userAgent, moved?.device, moved?.firstIp], ['2001:db8::7', agent, iPhone, '192.0.2.1'])
    await fixture.store.touch([fixture.activity(id, { ip: null, userAgent: null, device: unknownDevice })], fixture.clock.now)
    const unknown = await fixture.live(id)
    deepEqual([unknown?.ip, unknown?.userAgent, unknown?.device], [null, null, unknownDevice])
  }),
  law('6 a passive request is counted but does not extend the session', async fixture => {
    const record = await fixture.created()
    fixture.clock.now += minute
    await fixture.store.touch([fixture.activity(record.id, { seenAt: 0 })], fixture.clock.now)
    const after = await fixture.live(record.id)
    equal(after?.requestCount, 1)
    equal(after.lastSeenAt, record.lastSeenAt)
  }),
  law('6 late or repeated activity never moves a session back', async fixture => {
    const { store, clock } = fixture
    const { id } = await fixture.created()
    clock.now += 10 * minute
    await store.touch([fixture.activity(id)], clock.now)
    await store.touch([fixture.activity(id, { seenAt: clock.now - 5 * minute, requestCount: 0 })], clock.now)
    equal((await fixture.live(id))?.lastSeenAt, clock.now)
  }),
  law('6 timestamps of a node with a wrong clock are shifted to the store\'s clock', async fixture => {
    const { store, clock } = fixture
    for (const skew of [-3 * hour, 3 * hour]) {
      const wrong = clock.now + skew
      const record = fixture.record({
        createdAt: wrong,
        lastSeenAt: wrong,
        rotatedAt: wrong,
        authenticatedAt: wrong,
        absoluteExpiresAt: wrong + 12 * hour,
        confirmedAt: wrong
      })
      const created = await store.create(record, { at: wrong, limit: null, replaces: null, adopts: null })
      const { now } = clock
      deepEqual(created.status === 'created' && created.record, {
        ...record,
        createdAt: now,
        lastSeenAt: now,
        rotatedAt: now,
        authenticatedAt: now,
        absoluteExpiresAt: now + 12 * hour,
        confirmedAt: now
      })
      clock.now += minute
      await store.touch([fixture.activity(record.id, { seenAt: clock.now + skew - 10 * second })], clock.now + skew)
      equal((await fixture.live(record.id))?.lastSeenAt, clock.now - 10 * second)
    }
  }),
  law('6 the last activity is never in the future', async fixture => {
    const { id } = await fixture.created()
    fixture.clock.now += minute
    await fixture.store.touch([fixture.activity(id, { seenAt: fixture.clock.now + hour })], fixture.clock.now)
    equal((await fixture.live(id))?.lastSeenAt, fixture.clock.now)
  }),
  law('6 a clock that is set back moves no timestamp back and extends nothing', async fixture => {
    const { store, clock } = fixture
    const record = await fixture.created()
    clock.now += 10 * minute
    await store.touch([fixture.activity(record.id)], clock.now)
    const seenAt = clock.now
    clock.now -= 5 * minute
    await store.touch([fixture.activity(record.id)], clock.now)
    await store.update(record.id, { seen: true })
    const after = await fixture.live(record.id)
    equal(after?.lastSeenAt, seenAt)
    equal(after.absoluteExpiresAt, record.absoluteExpiresAt)
  }),
  law('6 only reauthentication extends a session past its absolute timeout', async fixture => {
    const { store, clock } = fixture
    const record = await fixture.created({ absoluteExpiresAt: fixture.clock.now + 40 * minute })
    clock.now += 20 * minute
    await store.update(record.id, { seen: true })
    await store.touch([fixture.activity(record.id)], clock.now)
    await store.update(record.id, { shorten: { absoluteTimeout: 10 * hour } })
    const extended = await fixture.live(record.id)
    equal(extended?.lastSeenAt, clock.now)
    equal(expiresAt(extended), record.absoluteExpiresAt)
    const shortened = await store.update(record.id, { shorten: { absoluteTimeout: minute } })
    equal(shortened.status === 'done' && shortened.record.absoluteExpiresAt, clock.now + minute)
    const proved = await store.update(record.id, { authenticate: { methods: ['webauthn'], idleTimeout: hour, absoluteTimeout: 2 * hour } })
    deepEqual(proved.status === 'done' && proved.record, {
      ...extended,
      authenticatedAt: clock.now,
      lastSeenAt: clock.now,
      methods: ['webauthn'],
      idleTimeout: hour,
      absoluteExpiresAt: clock.now + 2 * hour
    })
  })
]
