import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import type { SessionError } from '../../errors.ts'
import type { EncodedData, SessionRecord } from '../../model/record.ts'
import { law, minute } from './fixture.ts'
import { unknownDevice } from '../../model/device.ts'

function data (entries: Readonly<Record<string, string>>): EncodedData {
  return Object.assign(Object.create(null) as Record<string, string>, entries)
}

/** Law 4: returned data is a copy. Law 5: data merges key by key. */
export const dataLaws = [
  law('5 the whole data is bounded, whatever parallel changes add up to', async fixture => {
    const record = await fixture.created({ data: { kept: '"0"' } })
    const change = (key: string): Promise<unknown> =>
      Promise.resolve().then(() => fixture.store.update(record.id, { set: { [key]: JSON.stringify('x'.repeat(298)) }, maxBytes: 1000 }))
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => change(`key${i}`)))
    const refused = results.filter(result => result.status === 'rejected')
    // three of 304 bytes fit; in a store that encrypts, the limit is twice as high
    ok(refused.length >= 4 && refused.length <= 7, `expected 4 to 7 of 10 changes to be refused, were ${refused.length}`)
    for (const { reason } of refused) equal((reason as SessionError).code, 'FST_SESSION_DATA_TOO_LARGE')
    const data = (await fixture.live(record.id))?.data ?? {}
    equal(Object.keys(data).length, 11 - refused.length)
    const [first = ''] = Object.keys(data).filter(key => key !== 'kept')
    const last = JSON.stringify('y'.repeat(298))
    const replaced = await fixture.store.update(record.id, { set: { last }, unset: [first], maxBytes: 1000 })
    equal(replaced.status, 'done', 'what a change removes makes room')
  }),
  law('4 every field is returned as it was stored', async fixture => {
    const long = 'ä'.repeat(200)
    const odd = data({
      '': '""',
      a: '1',
      'with space': '"x"',
      'ключ 🔑': '"\\u0000"',
      constructor: 'null',
      toString: '[]',
      'a.b:c|d\n': '{}',
      big: JSON.stringify('x'.repeat(60_000))
    })
    Object.defineProperty(odd, '__proto__', { value: '"own"', enumerable: true })
    const { now } = fixture.clock
    const fields: Partial<SessionRecord>[] = [
      {
        userId: null, ip: null, userAgent: null, firstIp: null, firstUserAgent: null, device: unknownDevice, deviceName: null, methods: []
      },
      {
        userId: long,
        ip: '2001:db8::1',
        userAgent: 'A'.repeat(512),
        firstIp: '2001:db8::2',
        firstUserAgent: '',
        device: { browser: null, version: null, os: 'Linux', type: null },
        deviceName: '',
        methods: ['password', 'otp'],
        remembered: true
      },
      {
        userId: 'a:b|c {d} \n 🔑',
        generation: 65_535,
        previousHash: 'p'.repeat(43),
        rotatedAt: now - 5,
        confirmedAt: now - 3,
        authenticatedAt: now - 7,
        createdAt: now - 9,
        lastSeenAt: now - 1,
        requestCount: 4_000_000_000,
        data: odd
      }
    ]
    for (const each of fields) {
      const record = fixture.record(each)
      const created = await fixture.create(record)
      deepEqual(created.status === 'created' && created.record, record)
      deepEqual(await fixture.store.read(record.id), record)
      const page = await fixture.store.list({ userId: record.userId ?? '', guest: record.userId === null }, {
        limit: 10,
        cursor: null,
        order: 'newest'
      })
      if (record.userId !== null) deepEqual(page.items, [record])
    }
  }),
  law('4 modifying a passed or returned object does not modify the session', async fixture => {
    const given = data({ a: '1' })
    const record = await fixture.created({ data: given })
    const live = await fixture.live(record.id)
    ok(live)
    for (const each of [given, record.data, live.data]) Reflect.set(each, 'a', '"changed"')
    const set = data({ b: '2' })
    const update = await fixture.store.update(record.id, { set })
    Reflect.set(set, 'b', '"changed"')
    ok(update.status === 'done')
    Reflect.set(update.record.data, 'b', '"changed"')
    deepEqual((await fixture.live(record.id))?.data, data({ a: '1', b: '2' }))
    equal(Object.getPrototypeOf((await fixture.live(record.id))?.data), null)
  }),
  law('5 parallel writes to different keys are all stored', async fixture => {
    const { environment, store } = fixture
    const node = await environment.open()
    const { id } = await fixture.created({ data: data({ kept: '0', gone: '0' }) })
    await Promise.all([
      ...Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? store : node).update(id, { set: data({ [`key ${i}`]: String(i) }) })),
      node.update(id, { unset: ['gone', 'never there'] }),
      store.touch([fixture.activity(id)], fixture.clock.now)
    ])
    const expected = data({ kept: '0', ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`key ${i}`, String(i)])) })
    deepEqual((await fixture.live(id, node))?.data, expected)
    equal((await fixture.live(id))?.requestCount, 1)
  }),
  law('5 a key can be set, overwritten with long and short values, and removed', async fixture => {
    const { store } = fixture
    const { id } = await fixture.created()
    const long = JSON.stringify('y'.repeat(5000))
    for (const value of ['1', long, '"short"', long.slice(0, 90) + '"']) {
      await store.update(id, { set: data({ a: value, __proto__: value }) })
      equal((await fixture.live(id))?.data['a'], value)
    }
    const both = await store.update(id, { set: data({ b: '1' }), unset: ['a'] })
    deepEqual(both.status === 'done' && both.record.data, data({ b: '1' }))
    await store.update(id, { unset: ['b'] })
    deepEqual((await fixture.live(id))?.data, data({}))
  }),
  law('5 a device name can be set and removed, and a data change modifies nothing else', async fixture => {
    const { store } = fixture
    const record = await fixture.created()
    await store.update(record.id, { deviceName: 'Ada\'s phone 📱' })
    equal((await fixture.live(record.id))?.deviceName, 'Ada\'s phone 📱')
    await store.update(record.id, { deviceName: null })
    fixture.clock.now += minute
    await store.update(record.id, { set: data({ a: '1' }) })
    deepEqual(await fixture.live(record.id), { ...record, data: data({ a: '1' }) })
    notEqual((await store.update(record.id, {})).status, 'gone')
  })
]
