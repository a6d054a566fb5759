import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Limit } from '../../store.ts'
import { law, minute, second } from './fixture.ts'

const oldest = (max: number): Limit => ({ max, onExceeded: 'evict-oldest' })

/** Law 3: N concurrent creations for one user under limit L leave the L newest. */
export const limitLaws = [
  law('3 each creation over the limit ends the oldest session and reports it', async fixture => {
    const [a, b, c] = await fixture.createMany(3)
    const fourth = await fixture.create({}, { limit: oldest(3) })
    deepEqual(fourth.status === 'created' && fourth.ended.map(({ id, reason, by }) => [id, reason, by]), [[a.id, 'evicted', null]])
    const fifth = await fixture.create({}, { limit: oldest(2) })
    equal(fifth.status === 'created' && fifth.ended.length, 2, 'the next creation applies a lowered limit')
    equal((await fixture.ended(b.id)).reason, 'evicted')
    equal((await fixture.ended(c.id)).reason, 'evicted')
  }),
  law('3 twenty parallel logins on two nodes at limit 5 leave five sessions', async fixture => {
    const { environment, store } = fixture
    const node = await environment.open()
    const start = fixture.clock.now
    const answers = await Promise.all(Array.from(
      { length: 20 },
      (_, i) => fixture.create({ createdAt: start + i, id: fixture.record().id }, { limit: oldest(5) }, i % 2 === 0 ? store : node)
    ))
    const told = answers.flatMap(answer => { ok(answer.status === 'created'); return answer.ended })
    const live = await fixture.idsOf('ada')
    equal(live.length, 5)
    equal(new Set(told.map(({ id }) => id)).size, 15, 'each end is reported once')
    equal(told.length, 15)
    for (const { id } of told) equal(live.includes(id), false)
  }),
  law('3 at limit 3 with `reject`, three of twelve parallel logins succeed', async fixture => {
    const { environment, store } = fixture
    const node = await environment.open()
    const limit = { max: 3, onExceeded: 'reject' } as const
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => fixture.create({}, { limit }, i % 2 === 0 ? store : node)))
    equal(answers.filter(({ status }) => status === 'created').length, 3)
    const refused = answers.find(answer => answer.status === 'refused')
    deepEqual(refused?.live.map(({ id }) => id), await fixture.idsOf('ada'), 'a rejection lists the live sessions, oldest first')
  }),
  law('3 `evict-idle` ends the least recently used sessions', async fixture => {
    const [a, b, c] = await fixture.createMany(3)
    fixture.clock.now += minute
    await fixture.store.touch([fixture.activity(a.id)], fixture.clock.now)
    fixture.clock.now += second
    await fixture.store.touch([fixture.activity(c.id)], fixture.clock.now)
    const created = await fixture.create({}, { limit: { max: 2, onExceeded: 'evict-idle' } })
    deepEqual(created.status === 'created' && created.ended.map(({ id }) => id).sort(), [a.id, b.id].sort())
  }),
  law('3 sessions with the same creation time are evicted in the order of their ids', async fixture => {
    const ids = (await Promise.all(Array.from({ length: 4 }, () => fixture.created()))).map(({ id }) => id).sort()
    const created = await fixture.create({ createdAt: fixture.clock.now + 1 }, { limit: oldest(3) })
    deepEqual(created.status === 'created' && created.ended.map(({ id }) => id).sort(), ids.slice(0, 2))
  }),
  law('3 the previous session of the same browser does not count and ends as replaced', async fixture => {
    const [a, b] = await fixture.createMany(2)
    const created = await fixture.create({}, { limit: { max: 2, onExceeded: 'reject' }, replaces: b.id })
    deepEqual(created.status === 'created' && created.ended.map(({ id, reason }) => [id, reason]), [[b.id, 'replaced']])
    equal((await fixture.live(a.id))?.id, a.id)
    const refused = await fixture.create({}, { limit: { max: 1, onExceeded: 'reject' }, replaces: a.id })
    equal(refused.status, 'refused')
    equal((await fixture.live(a.id))?.id, a.id, 'a rejection changes nothing')
  }),
  law('3 a login replaces the guest session, in any shard, and reports it once', async fixture => {
    for (let i = 0; i < 4; i++) {
      const guest = await fixture.created({ userId: null })
      const created = await fixture.create({ userId: `user ${i}` }, { replaces: guest.id, limit: oldest(5) })
      deepEqual(created.status === 'created' &&
        created.ended.map(({ id, reason, userId }) => [id, reason, userId]), [[guest.id, 'replaced', null]])
      equal(await fixture.live(guest.id), null)
      const again = await fixture.create({ userId: `user ${i}` }, { replaces: guest.id })
      deepEqual(again.status === 'created' && again.ended, [])
    }
  }),
  law('3 limits apply per user, and guests have none', async fixture => {
    await fixture.createMany(4, i => ({ userId: i % 2 === 0 ? 'ada' : 'bob' }))
    for (let i = 0; i < 3; i++) await fixture.created({ userId: null }, { limit: oldest(1) })
    const created = await fixture.create({ userId: 'ada' }, { limit: oldest(2) })
    equal(created.status === 'created' && created.ended.length, 1)
    equal((await fixture.idsOf('bob')).length, 2)
    equal((await fixture.store.count({ guest: true }, null)).count, 3)
  })
]
