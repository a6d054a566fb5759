import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Limit } from '../../store.ts'
import { law, minute, second } from './fixture.ts'

const oldest = (max: number): Limit => ({ max, onLimit: 'oldest' })

/** Law 3: N concurrent creations under limit L leave L, the newest. */
export const limitLaws = [
  law('3 each creation over the limit ends the oldest, and says so', async stage => {
    const [a, b, c] = await stage.several(3)
    const fourth = await stage.create({}, { limit: oldest(3) })
    deepEqual(fourth.status === 'created' && fourth.ended.map(({ id, reason, by }) => [id, reason, by]), [[a.id, 'evicted', null]])
    const fifth = await stage.create({}, { limit: oldest(2) })
    equal(fifth.status === 'created' && fifth.ended.length, 2, 'a lowered limit is kept with the next creation')
    equal((await stage.ended(b.id)).reason, 'evicted')
    equal((await stage.ended(c.id)).reason, 'evicted')
  }),
  law('3 twenty parallel logins on two nodes at limit 5 leave five, the newest', async stage => {
    const { ground, store } = stage
    const node = await ground.open()
    const start = stage.clock.now
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => stage.create({ createdAt: start + i, id: stage.record().id }, { limit: oldest(5) }, i % 2 === 0 ? store : node)))
    const told = answers.flatMap(answer => { ok(answer.status === 'created'); return answer.ended })
    const live = await stage.idsOf('ada')
    equal(live.length, 5)
    equal(new Set(told.map(({ id }) => id)).size, 15, 'each end is told once')
    equal(told.length, 15)
    for (const { id } of told) equal(live.includes(id), false)
  }),
  law('3 parallel logins at a limit that rejects: as many as the limit come in', async stage => {
    const { ground, store } = stage
    const node = await ground.open()
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => stage.create({}, { limit: { max: 3, onLimit: 'reject' } }, i % 2 === 0 ? store : node)))
    equal(answers.filter(({ status }) => status === 'created').length, 3)
    const refused = answers.find(answer => answer.status === 'refused')
    deepEqual(refused?.live.map(({ id }) => id), await stage.idsOf('ada'), 'a refusal names the live ones, oldest first')
  }),
  law('3 a limit by idleness ends what was seen least recently', async stage => {
    const [a, b, c] = await stage.several(3)
    stage.clock.now += minute
    await stage.store.touch([stage.touch(a.id)], stage.clock.now)
    stage.clock.now += second
    await stage.store.touch([stage.touch(c.id)], stage.clock.now)
    const created = await stage.create({}, { limit: { max: 2, onLimit: 'idle' } })
    deepEqual(created.status === 'created' && created.ended.map(({ id }) => id).sort(), [a.id, b.id].sort())
  }),
  law('3 sessions of one instant go in the order of their ids', async stage => {
    const ids = (await Promise.all(Array.from({ length: 4 }, () => stage.created()))).map(({ id }) => id).sort()
    const created = await stage.create({ createdAt: stage.clock.now + 1 }, { limit: oldest(3) })
    deepEqual(created.status === 'created' && created.ended.map(({ id }) => id).sort(), ids.slice(0, 2))
  }),
  law('3 the browser\'s own former session does not count, and ends as replaced', async stage => {
    const [a, b] = await stage.several(2)
    const created = await stage.create({}, { limit: { max: 2, onLimit: 'reject' }, replaces: b.id })
    deepEqual(created.status === 'created' && created.ended.map(({ id, reason }) => [id, reason]), [[b.id, 'replaced']])
    equal((await stage.live(a.id))?.id, a.id)
    const refused = await stage.create({}, { limit: { max: 1, onLimit: 'reject' }, replaces: a.id })
    equal(refused.status, 'refused')
    equal((await stage.live(a.id))?.id, a.id, 'a refusal changes nothing')
  }),
  law('3 a guest that signs in is replaced, wherever it lies; one that is gone is not told', async stage => {
    for (let i = 0; i < 4; i++) {
      const guest = await stage.created({ userId: null })
      const created = await stage.create({ userId: `user ${i}` }, { replaces: guest.id, limit: oldest(5) })
      deepEqual(created.status === 'created' && created.ended.map(({ id, reason, userId }) => [id, reason, userId]), [[guest.id, 'replaced', null]])
      equal(await stage.live(guest.id), null)
      const again = await stage.create({ userId: `user ${i}` }, { replaces: guest.id })
      deepEqual(again.status === 'created' && again.ended, [])
    }
  }),
  law('3 limits are each user\'s own, and guests have none', async stage => {
    await stage.several(4, i => ({ userId: i % 2 === 0 ? 'ada' : 'bob' }))
    for (let i = 0; i < 3; i++) await stage.created({ userId: null }, { limit: oldest(1) })
    const created = await stage.create({ userId: 'ada' }, { limit: oldest(2) })
    equal(created.status === 'created' && created.ended.length, 1)
    equal((await stage.idsOf('bob')).length, 2)
    equal((await stage.store.count({ guest: true }, null)).count, 3)
  })
]
