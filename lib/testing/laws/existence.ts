import { deepEqual, equal } from 'node:assert/strict'
import { law, minute } from './fixture.ts'

/** Law 2: only `create` makes a session exist; a late write to an ended session changes nothing. */
export const existenceLaws = [
  law('2 writes to an unknown session id create nothing', async fixture => {
    const { store } = fixture
    const { id } = fixture.record()
    deepEqual(await store.touch([fixture.activity(id)], fixture.clock.now), [id])
    const rotate = { hash: 'x'.repeat(43), keep: true }
    deepEqual(await store.update(id, { set: { a: '1' }, rotate }, { generation: 0 }), { status: 'gone', ended: null })
    deepEqual(await store.end({ ids: [id] }, { reason: 'revoked', by: null }), { ended: [], cursor: null })
    equal(await store.read(id), null)
    equal((await store.count({}, null)).count, 0)
  }),
  law('2 late writes to an ended session change nothing and report it as gone', async fixture => {
    const { store } = fixture
    const record = await fixture.created()
    const other = await fixture.created()
    await fixture.logout(record.id)
    const left = await fixture.ended(record.id)
    fixture.clock.now += minute
    deepEqual(
      await store.touch([fixture.activity(record.id, { ip: '198.51.100.1' }), fixture.activity(other.id)], fixture.clock.now),
      [record.id],
      'the rest of a batch is written'
    )
    const changes = [
      { set: { a: '1' } },
      { seen: true },
      { deviceName: 'mine' },
      { rotate: { hash: 'x'.repeat(43), keep: true } },
      { authenticate: { methods: [], idleTimeout: minute, absoluteTimeout: minute } }
    ] as const
    for (const change of changes) deepEqual(await store.update(record.id, change, { generation: 0 }), { status: 'gone', ended: left })
    deepEqual(await fixture.ended(record.id), left)
    equal((await fixture.live(other.id))?.requestCount, 1)
  }),
  law('2 the id of a live or ended session is never used again', async fixture => {
    const record = await fixture.created({ deviceName: 'first' })
    const again = { ...fixture.record(), id: record.id, deviceName: 'second' }
    equal((await fixture.create(again)).status, 'exists')
    equal((await fixture.live(record.id))?.deviceName, 'first')
    await fixture.logout(record.id)
    equal((await fixture.create(again)).status, 'exists')
    equal(await fixture.live(record.id), null)
  }),
  law('2 a session that is ended during concurrent writes stays ended', async fixture => {
    const { environment, store, clock } = fixture
    const node = await environment.open()
    for (let round = 0; round < 10; round++) {
      const { id } = await fixture.created()
      await Promise.all([
        node.touch([fixture.activity(id)], clock.now),
        node.update(id, { set: { a: '1' } }),
        store.end({ ids: [id] }, { reason: 'logout', by: null }),
        node.update(id, { rotate: { hash: 'x'.repeat(43), keep: true } }, { generation: 0 }),
        store.touch([fixture.activity(id)], clock.now),
        store.update(id, { seen: true })
      ])
      equal(await fixture.live(id, node), null)
      equal((await fixture.ended(id)).reason, 'logout')
    }
  })
]
