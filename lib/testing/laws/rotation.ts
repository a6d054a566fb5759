import { deepEqual, equal } from 'node:assert/strict'
import { hour, law, minute } from './fixture.ts'

const hash = (letter: string): string => letter.repeat(43)

/** Law 3, second half: of two rotations that expect the same generation exactly one succeeds. */
export const rotationLaws = [
  law('3 a rotation stores the new verifier, keeps the previous one if requested and resets the confirmation', async fixture => {
    const { store, clock } = fixture
    const first = await fixture.created({ confirmedAt: fixture.clock.now })
    clock.now += minute
    const kept = await store.update(first.id, { rotate: { hash: hash('b'), keep: true } }, { generation: 0 })
    const b = { ...first, generation: 1, hash: hash('b'), previousHash: first.hash, rotatedAt: clock.now, confirmedAt: null }
    deepEqual(kept, { status: 'done', record: b })
    clock.now += minute
    const killed = await store.update(first.id, { rotate: { hash: hash('c'), keep: false } }, { generation: 1 })
    const c = { ...b, generation: 2, hash: hash('c'), previousHash: null, rotatedAt: clock.now }
    deepEqual(killed, { status: 'done', record: c })
    deepEqual(await store.update(first.id, { rotate: { hash: hash('d'), keep: true } }, { generation: 1 }), {
      status: 'conflict',
      record: c
    })
    deepEqual(await store.read(first.id), c)
  }),
  law('3 of parallel rotations on two nodes exactly one succeeds', async fixture => {
    const { environment, store } = fixture
    const node = await environment.open()
    const { id } = await fixture.created()
    const answers = await Promise.all(Array.from({ length: 8 }, async (_, i) =>
      (i % 2 === 0 ? store : node).update(id, { rotate: { hash: hash(String(i)), keep: true } }, { generation: 0 })))
    const won = answers.filter(({ status }) => status === 'done')
    equal(won.length, 1)
    equal(answers.filter(({ status }) => status === 'conflict').length, 7)
    deepEqual(won[0]?.status === 'done' && won[0].record, await fixture.live(id))
  }),
  law('3 a change with an unmet precondition changes nothing', async fixture => {
    const record = await fixture.created({ data: { a: '1' } })
    const authenticate = { methods: ['x'], idleTimeout: hour, absoluteTimeout: hour }
    const change = { set: { a: '2' }, deviceName: 'x', seen: true, authenticate } as const
    const update = await fixture.store.update(record.id, change, { generation: 3 })
    equal(update.status, 'conflict')
    deepEqual(await fixture.live(record.id), record)
  }),
  law('3 a later change does not modify a record that was read before', async fixture => {
    const before = await fixture.created({ data: { a: '1' } })
    const read = await fixture.live(before.id)
    await fixture.store.update(before.id, { rotate: { hash: hash('b'), keep: true }, set: { a: '2' } }, { generation: 0 })
    equal(read?.generation, 0)
    equal(read.data['a'], '1')
    equal(before.hash === read.hash, true)
  }),
  law('6 only a request with the current generation confirms a rotation, once', async fixture => {
    const { store, clock } = fixture
    const { id } = await fixture.created()
    await store.update(id, { rotate: { hash: hash('b'), keep: true } }, { generation: 0 })
    await store.touch([fixture.activity(id, { generation: 0 }), fixture.activity(id, { generation: -1 })], clock.now)
    equal((await fixture.live(id))?.confirmedAt, null)
    clock.now += minute
    const at = clock.now
    await store.touch([fixture.activity(id, { generation: 1 })], clock.now)
    clock.now += minute
    await store.touch([fixture.activity(id, { generation: 1 })], clock.now)
    equal((await fixture.live(id))?.confirmedAt, at)
    await store.update(id, { rotate: { hash: hash('c'), keep: true } }, { generation: 1 })
    await store.touch([fixture.activity(id, { generation: 2, seenAt: 0 })], clock.now)
    equal((await fixture.live(id))?.confirmedAt, clock.now, 'a passive request confirms the rotation, too')
  })
]
