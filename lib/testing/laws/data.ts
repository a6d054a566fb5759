import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import type { EncodedData, SessionRecord } from '../../model/record.ts'
import { law, minute } from './fixture.ts'

function data (entries: Readonly<Record<string, string>>): EncodedData {
  return Object.assign(Object.create(null) as Record<string, string>, entries)
}

/** Law 4: data that comes out is a copy. Law 5: data merges key by key. */
export const dataLaws = [
  law('4 every field comes back as it was given', async stage => {
    const long = 'ä'.repeat(200)
    const odd = data({ '': '""', a: '1', 'with space': '"x"', 'ключ 🔑': '"\\u0000"', constructor: 'null', toString: '[]', 'a.b:c|d\n': '{}', big: JSON.stringify('x'.repeat(60_000)) })
    Object.defineProperty(odd, '__proto__', { value: '"own"', enumerable: true })
    const { now } = stage.clock
    const fields: Partial<SessionRecord>[] = [
      { userId: null, ip: null, agent: null, firstIp: null, firstAgent: null, device: null, name: null, methods: '' },
      { userId: long, ip: '2001:db8::1', agent: 'A'.repeat(512), firstIp: '2001:db8::2', firstAgent: '', device: '||', name: '', methods: 'password otp', remembered: true },
      { userId: 'a:b|c {d} \n 🔑', generation: 65_535, previousHash: 'p'.repeat(43), rotatedAt: now - 5, confirmedAt: now - 3, authenticatedAt: now - 7, createdAt: now - 9, lastSeenAt: now - 1, requests: 4_000_000_000, data: odd }
    ]
    for (const each of fields) {
      const record = stage.record(each)
      const created = await stage.create(record)
      deepEqual(created.status === 'created' && created.record, record)
      deepEqual(await stage.store.read(record.id), record)
      const page = await stage.store.list({ userId: record.userId ?? '', guest: record.userId === null }, { limit: 10, cursor: null, order: 'newest' })
      if (record.userId !== null) deepEqual(page.items, [record])
    }
  }),
  law('4 nobody changes a session by changing what came out, or what went in', async stage => {
    const given = data({ a: '1' })
    const record = await stage.created({ data: given })
    const live = await stage.live(record.id)
    ok(live)
    for (const each of [given, record.data, live.data]) Reflect.set(each, 'a', '"changed"')
    const set = data({ b: '2' })
    const update = await stage.store.update(record.id, { set })
    Reflect.set(set, 'b', '"changed"')
    ok(update.status === 'done')
    Reflect.set(update.record.data, 'b', '"changed"')
    deepEqual((await stage.live(record.id))?.data, data({ a: '1', b: '2' }))
    equal(Object.getPrototypeOf((await stage.live(record.id))?.data), null)
  }),
  law('5 parallel writers of different keys all survive', async stage => {
    const { ground, store } = stage
    const node = await ground.open()
    const { id } = await stage.created({ data: data({ kept: '0', gone: '0' }) })
    await Promise.all([
      ...Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? store : node).update(id, { set: data({ [`key ${i}`]: String(i) }) })),
      node.update(id, { unset: ['gone', 'never there'] }),
      store.touch([stage.touch(id)], stage.clock.now)
    ])
    const expected = data({ kept: '0', ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`key ${i}`, String(i)])) })
    deepEqual((await stage.live(id, node))?.data, expected)
    equal((await stage.live(id))?.requests, 1)
  }),
  law('5 a key is set, set again, long and short, and taken away', async stage => {
    const { store } = stage
    const { id } = await stage.created()
    const long = JSON.stringify('y'.repeat(5000))
    for (const value of ['1', long, '"short"', long.slice(0, 90) + '"']) {
      await store.update(id, { set: data({ a: value, __proto__: value }) })
      equal((await stage.live(id))?.data['a'], value)
    }
    const both = await store.update(id, { set: data({ b: '1' }), unset: ['a'] })
    deepEqual(both.status === 'done' && both.record.data, data({ b: '1' }))
    await store.update(id, { unset: ['b'] })
    deepEqual((await stage.live(id))?.data, data({}))
  }),
  law('5 a device is named and unnamed, and a change of data moves nothing else', async stage => {
    const { store } = stage
    const record = await stage.created()
    await store.update(record.id, { name: 'Ada\'s phone 📱' })
    equal((await stage.live(record.id))?.name, 'Ada\'s phone 📱')
    await store.update(record.id, { name: null })
    stage.clock.now += minute
    await store.update(record.id, { set: data({ a: '1' }) })
    deepEqual(await stage.live(record.id), { ...record, data: data({ a: '1' }) })
    notEqual((await store.update(record.id, {})).status, 'gone')
  })
]
