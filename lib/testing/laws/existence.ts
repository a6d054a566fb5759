import { deepEqual, equal } from 'node:assert/strict'
import { law, minute } from './fixture.ts'

/** Law 2: only `create` makes a session exist; every late write on an ended one changes nothing. */
export const existenceLaws = [
  law('2 writes on a session that never was make none', async stage => {
    const { store } = stage
    const { id } = stage.record()
    deepEqual(await store.touch([stage.touch(id)], stage.clock.now), [id])
    deepEqual(await store.update(id, { set: { a: '1' }, rotate: { hash: 'x'.repeat(43), keep: true } }, { generation: 0 }), { status: 'gone', ended: null })
    deepEqual(await store.end({ ids: [id] }, { reason: 'revoked', by: null }), { ended: [], cursor: null })
    equal(await store.read(id), null)
    equal((await store.count({}, null)).count, 0)
  }),
  law('2 late writes on an ended session change nothing, and say that it is gone', async stage => {
    const { store } = stage
    const record = await stage.created()
    const other = await stage.created()
    await stage.logout(record.id)
    const left = await stage.ended(record.id)
    stage.clock.now += minute
    deepEqual(await store.touch([stage.touch(record.id, { ip: '198.51.100.1' }), stage.touch(other.id)], stage.clock.now), [record.id], 'the rest of a batch is written')
    const changes = [{ set: { a: '1' } }, { seen: true }, { name: 'mine' }, { rotate: { hash: 'x'.repeat(43), keep: true } }, { authenticate: { methods: '', idle: minute, absolute: minute } }] as const
    for (const change of changes) deepEqual(await store.update(record.id, change, { generation: 0 }), { status: 'gone', ended: left })
    deepEqual(await stage.ended(record.id), left)
    equal((await stage.live(other.id))?.requests, 1)
  }),
  law('2 an id is never used twice, be its session live or ended', async stage => {
    const record = await stage.created({ name: 'first' })
    const again = { ...stage.record(), id: record.id, name: 'second' }
    equal((await stage.create(again)).status, 'exists')
    equal((await stage.live(record.id))?.name, 'first')
    await stage.logout(record.id)
    equal((await stage.create(again)).status, 'exists')
    equal(await stage.live(record.id), null)
  }),
  law('2 whatever races with an end, the session is over when all have answered', async stage => {
    const { ground, store, clock } = stage
    const node = await ground.open()
    for (let round = 0; round < 10; round++) {
      const { id } = await stage.created()
      await Promise.all([
        node.touch([stage.touch(id)], clock.now),
        node.update(id, { set: { a: '1' } }),
        store.end({ ids: [id] }, { reason: 'logout', by: null }),
        node.update(id, { rotate: { hash: 'x'.repeat(43), keep: true } }, { generation: 0 }),
        store.touch([stage.touch(id)], clock.now),
        store.update(id, { seen: true })
      ])
      equal(await stage.live(id, node), null)
      equal((await stage.ended(id)).reason, 'logout')
    }
  })
]
