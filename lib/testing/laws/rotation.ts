import { deepEqual, equal } from 'node:assert/strict'
import { hour, law, minute } from './fixture.ts'

const hash = (letter: string): string => letter.repeat(43)

/** Law 3, second half: of two changes that expect the same generation and rotate, one wins. */
export const rotationLaws = [
  law('3 a rotation moves the verifier on, keeps the one before where asked, and restarts its confirmation', async stage => {
    const { store, clock } = stage
    const first = await stage.created({ confirmedAt: stage.clock.now })
    clock.now += minute
    const kept = await store.update(first.id, { rotate: { hash: hash('b'), keep: true } }, { generation: 0 })
    const b = { ...first, generation: 1, hash: hash('b'), previousHash: first.hash, rotatedAt: clock.now, confirmedAt: null }
    deepEqual(kept, { status: 'done', record: b })
    clock.now += minute
    const killed = await store.update(first.id, { rotate: { hash: hash('c'), keep: false } }, { generation: 1 })
    const c = { ...b, generation: 2, hash: hash('c'), previousHash: null, rotatedAt: clock.now }
    deepEqual(killed, { status: 'done', record: c })
    deepEqual(await store.update(first.id, { rotate: { hash: hash('d'), keep: true } }, { generation: 1 }), { status: 'conflict', record: c })
    deepEqual(await store.read(first.id), c)
  }),
  law('3 of parallel rotations one wins, on whatever node', async stage => {
    const { ground, store } = stage
    const node = await ground.open()
    const { id } = await stage.created()
    const answers = await Promise.all(Array.from({ length: 8 }, async (_, i) =>
      (i % 2 === 0 ? store : node).update(id, { rotate: { hash: hash(String(i)), keep: true } }, { generation: 0 })))
    const won = answers.filter(({ status }) => status === 'done')
    equal(won.length, 1)
    equal(answers.filter(({ status }) => status === 'conflict').length, 7)
    deepEqual(won[0]?.status === 'done' && won[0].record, await stage.live(id))
  }),
  law('3 a change with a wrong expectation changes nothing at all', async stage => {
    const record = await stage.created({ data: { a: '1' } })
    const update = await stage.store.update(record.id, { set: { a: '2' }, name: 'x', seen: true, authenticate: { methods: 'x', idle: hour, absolute: hour } }, { generation: 3 })
    equal(update.status, 'conflict')
    deepEqual(await stage.live(record.id), record)
  }),
  law('3 a record that was handed out does not change under the hands of whoever holds it', async stage => {
    const before = await stage.created({ data: { a: '1' } })
    const read = await stage.live(before.id)
    await stage.store.update(before.id, { rotate: { hash: hash('b'), keep: true }, set: { a: '2' } }, { generation: 0 })
    equal(read?.generation, 0)
    equal(read.data['a'], '1')
    equal(before.hash === read.hash, true)
  }),
  law('6 only a request with the current generation confirms it, once', async stage => {
    const { store, clock } = stage
    const { id } = await stage.created()
    await store.update(id, { rotate: { hash: hash('b'), keep: true } }, { generation: 0 })
    await store.touch([stage.touch(id, { generation: 0 }), stage.touch(id, { generation: -1 })], clock.now)
    equal((await stage.live(id))?.confirmedAt, null)
    clock.now += minute
    const at = clock.now
    await store.touch([stage.touch(id, { generation: 1 })], clock.now)
    clock.now += minute
    await store.touch([stage.touch(id, { generation: 1 })], clock.now)
    equal((await stage.live(id))?.confirmedAt, at)
    await store.update(id, { rotate: { hash: hash('c'), keep: true } }, { generation: 1 })
    await store.touch([stage.touch(id, { generation: 2, seenAt: 0 })], clock.now)
    equal((await stage.live(id))?.confirmedAt, clock.now, 'a passive request confirms, too')
  })
]
