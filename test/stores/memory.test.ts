import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { CreateResult, CreateOptions, SessionRecord, Store } from '../../lib/index.ts'
import { byAge, expiresAt } from '../../lib/model/record.ts'
import type { TestEnvironment } from '../../lib/testing/index.ts'
import { LawFixture } from '../../lib/testing/laws/fixture.ts'
import { passesConformanceTests } from '../helpers/laws.ts'

/** One process: each app has one store in it. */
async function createEnvironment (): Promise<TestEnvironment> {
  const clock = { now: Date.now() }
  const stores = new Map<string, Store>()
  return {
    clock,
    async open ({ app = 'app', history = 86_400_000, historyPerUser = 20 } = {}) {
      let store = stores.get(app)
      if (store === undefined) {
        store = memoryStore()
        await store.open({ now: () => clock.now, history, historyPerUser, warn: () => {} })
        stores.set(app, store)
      }
      return store
    },
    async close () { for (const store of stores.values()) await store.close() }
  }
}

t.test('sessions in memory keep every law', t => passesConformanceTests(t, createEnvironment))

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** A store with a cap, on a clock of its own. */
function capped (
  max = 1_000_000,
  { history = hour } = {}
): {
    readonly store: Store
    readonly clock: { now: number }
    create: (fields?: Partial<SessionRecord>, options?: Partial<CreateOptions>) => CreateResult
  } {
  const clock = { now: Date.now() }
  const store = memoryStore({ max })
  void store.open({ now: () => clock.now, history, historyPerUser: 20, warn: () => {} })
  const fixture = new LawFixture({ clock, open: async () => store, close: async () => {} }, store)
  return {
    store,
    clock,
    create: (fields = {}, options = {}) =>
      store.create(fixture.record(fields), { at: clock.now, limit: null, replaces: null, adopts: null, ...options }) as CreateResult
  }
}

function idOf (created: CreateResult): string {
  return created.status === 'created' ? created.record.id : created.status
}

t.test('without a clock of its own a store has the time of the process', async t => {
  const store = memoryStore()
  await store.open({ now: null, history: hour, historyPerUser: 20, warn: () => {} })
  const before = Date.now()
  const created = await store.create(
    new LawFixture({ clock: { now: 5 }, open: async () => store, close: async () => {} }, store).record(),
    { at: 5, limit: null, replaces: null, adopts: null }
  )
  t.ok(created.status === 'created' && created.record.createdAt >= before && created.record.createdAt <= Date.now())
})

t.test('a cap below one session is refused', async t => {
  for (const max of [0, -1, NaN, '5' as never]) t.throws(() => memoryStore({ max }), { code: 'FST_SESSION_INVALID_OPTION' })
  t.type(memoryStore({ max: Infinity }), 'object')
})

t.test('at `max` history, expired sessions and guests are evicted in turn; then new sessions are rejected', async t => {
  const { store, clock, create } = capped(4)
  const ended = idOf(create())
  await store.end({ ids: [ended] }, { reason: 'logout', by: null })
  const guest = idOf(create({ userId: null }))
  const short = idOf(create({ idleTimeout: minute }))
  const seen = idOf(create({ idleTimeout: minute, userId: 'bob' }))
  t.ok(await store.read(ended))
  create({ userId: 'eve' })
  t.equal(await store.read(ended), null, 'history')
  clock.now += 50 * second
  await store.touch([{ id: seen, requestCount: 1, seenAt: clock.now, generation: 0 }], clock.now)
  clock.now += 20 * second
  const made = [create(), create()]
  t.strictSame(
    made.map(created => created.status === 'created' && created.ended.map(({ id, reason }) => [id, reason])),
    [[[short, 'idle-timeout']], [[guest, 'evicted']]]
  )
  t.equal((await store.statistics(0, 1)).guests, 0)
  t.equal(create().status, 'full')
  t.equal(create({ userId: null }).status, 'full')
  t.ok(await store.read(seen), 'a session that was seen is not taken for an expired one')
  t.equal(create({ userId: 'bob' }, { limit: { max: 1, onExceeded: 'evict-oldest' } }).status, 'created', 'a limit makes room')
  t.equal(
    create({ userId: 'eve' }, { replaces: idOf(made[0] as CreateResult) }).status,
    'created',
    'and so does a session that is replaced'
  )
  t.equal((await store.statistics(0, 1)).live, 4)
})

t.test('without history a cap counts live sessions', async t => {
  const { store, create } = capped(2, { history: 0 })
  const guests = [idOf(create({ userId: null })), idOf(create({ userId: null }))]
  const third = create({ userId: null })
  t.strictSame(third.status === 'created' && third.ended.map(({ id }) => id), [guests[0]], 'the oldest guest goes first')
  t.equal(create({ userId: 'ada' }).status, 'created')
  t.equal(create({ userId: 'ada' }).status, 'created')
  t.strictSame(await store.statistics(0, 1), { live: 2, users: 1, guests: 0, remembered: 0, slices: [] })
})

t.test('of sessions that were seen at one instant the oldest is the idle one', async t => {
  const { clock, create } = capped()
  const [older] = [idOf(create({ createdAt: clock.now - 1 })), create()]
  const third = create({}, { limit: { max: 2, onExceeded: 'evict-idle' } })
  t.strictSame(third.status === 'created' && third.ended.map(({ id }) => id), [older])
})

t.test('of a user history keeps what ended last, whenever it was told', async t => {
  const { store, clock, create } = capped(Infinity, { history: 9 * hour })
  const expired = idOf(create({ idleTimeout: minute }))
  clock.now += hour
  const loggedOut = Array.from({ length: 20 }, () => idOf(create()))
  await store.end({ ids: loggedOut }, { reason: 'logout', by: null })
  t.equal((await store.cleanup(10)).ended.length, 1)
  t.equal(await store.read(expired), null)
  t.equal((await store.history({ userId: 'ada' }, { limit: 50, cursor: null, order: 'newest' })).items.length, 20)
})

t.test('lists, counts and ends of many sessions go in bounded steps', async t => {
  const { store, clock, create } = capped()
  const total = 10_500
  for (let i = 0; i < total; i++) create({ userId: `user ${i}`, remembered: i === 0, createdAt: clock.now + i })
  const page = await store.list({ remembered: true }, { limit: 10, cursor: null, order: 'newest' })
  t.strictSame(page.items, [], 'a page may be empty')
  const rest = await store.list({ remembered: true }, { limit: 10, cursor: page.cursor, order: 'newest' })
  t.strictSame([rest.items.map(({ userId }) => userId), rest.cursor], [['user 0'], null])
  const first = await store.count({}, null)
  t.strictSame([first.count, (await store.count({}, first.cursor)).count], [10_000, 500])
  const step = await store.end({ filter: { search: 'nobody' }, limit: 10, cursor: null }, { reason: 'revoked', by: null })
  t.strictSame(step.ended, [])
  t.type(step.cursor, 'string')
})

t.test('sessions that come, are seen and go in any order are listed in order, and swept when they are due', async t => {
  const { store, clock, create } = capped(Infinity, { history: 2 * hour })
  const start = clock.now
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fffffff) % below
  const live = new Map<string, SessionRecord>()
  const cleanUp = async (): Promise<string[]> => {
    const ids: string[] = []
    for (let more = true; more;) {
      const step = await store.cleanup(10)
      ids.push(...step.ended.map(({ id }) => id))
      more = step.more
    }
    return ids
  }
  for (let i = 0; i < 4000; i++) {
    const created = create({
      userId: random(5) === 0 ? null : `user ${random(300)}`,
      remembered: random(4) === 0,
      createdAt: start + random(2000),
      idleTimeout: minute + random(hour)
    })
    if (created.status === 'created') live.set(created.record.id, created.record)
  }
  for (const [id] of [...live].filter(() => random(3) === 0)) {
    await store.end({ ids: [id] }, { reason: 'logout', by: null })
    live.delete(id)
  }
  const ordered = (): string[] => [...live.values()].sort(byAge).map(({ id }) => id)
  t.strictSame((await store.list({}, { limit: 5000, cursor: null, order: 'oldest' })).items.map(({ id }) => id), ordered())
  t.strictSame((await store.list({}, { limit: 5000, cursor: null, order: 'newest' })).items.map(({ id }) => id), ordered().reverse())
  for (let step = 0; step < 40; step++) {
    clock.now += 5 * minute
    if (step < 20) {
      for (const id of [...live.keys()].filter(() => random(9) === 0)) {
        const gone = await store.touch([{ id, requestCount: 1, seenAt: clock.now, generation: 0 }], clock.now)
        if (gone.length === 0) live.set(id, await store.read(id) as SessionRecord)
      }
    }
    const due = [...live.values()].filter(record => expiresAt(record) <= clock.now).map(({ id }) => id)
    t.strictSame((await cleanUp()).sort(), due.sort())
    for (const id of due) live.delete(id)
    const { live: size, users, guests, remembered } = await store.statistics(0, 1)
    const left = [...live.values()]
    t.strictSame(
      [size, users, guests, remembered],
      [
        left.length,
        new Set(left.flatMap(({ userId }) => userId ?? [])).size,
        left.filter(({ userId }) => userId === null).length,
        left.filter(record => record.remembered).length
      ]
    )
  }
  t.equal(live.size, 0)
  clock.now += 2 * hour
  await cleanUp()
  t.strictSame((await store.history({}, { limit: 5000, cursor: null, order: 'oldest' })).items, [])
})

t.test('texts that no session shares are forgotten', async t => {
  const { store, clock, create } = capped()
  for (let i = 0; i < 9000; i++) { create({ userId: null, createdAt: clock.now + i, userAgent: `agent ${i}`, ip: i % 2 === 0 ? '192.0.2.1' : `2001:db8::${i}` }) }
  const { items } = await store.list({ ip: '192.0.2.1' }, { limit: 2, cursor: null, order: 'newest' })
  t.strictSame(items.map(({ userAgent: agent }) => agent), ['agent 8998', 'agent 8996'])
})
