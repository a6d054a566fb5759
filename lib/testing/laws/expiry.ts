import { deepEqual, equal } from 'node:assert/strict'
import type { SessionRecord } from '../../model/record.ts'
import { hour, law, minute } from './fixture.ts'
import type { Stage } from './fixture.ts'

const lives: readonly [string, Partial<SessionRecord>, 'idle' | 'absolute'][] = [
  ['idle', {}, 'idle'],
  ['absolute', { idle: 24 * hour }, 'absolute']
]

/** Law 1: an expired session is not there, swept or not. */
export const expiryLaws = [
  ...lives.map(([name, fields, reason]) => law(`1 a session is over at the very instant of its ${name} deadline`, async stage => {
    const record = await stage.created(fields)
    stage.passTo(record)
    const deadline = stage.clock.now
    stage.clock.now--
    equal((await stage.live(record.id))?.id, record.id)
    stage.clock.now++
    equal((await stage.ended(record.id)).reason, reason)
    stage.clock.now += minute
    const left = await stage.ended(record.id)
    equal(left.endedAt, deadline)
    await stage.sweep()
    deepEqual(await stage.ended(record.id), left, 'the sweep changes nothing of what is told')
  })),
  law('1 an expired session that no sweep has seen takes no write, counts to no limit and stands in no list', async stage => {
    const { store } = stage
    const record = await stage.created()
    await stage.live(record.id)
    stage.passTo(record)
    deepEqual(await store.touch([stage.touch(record.id)], stage.clock.now), [record.id])
    equal((await stage.ended(record.id)).reason, 'idle')
    equal((await store.update(record.id, { seen: true })).status, 'gone')
    equal((await store.update(record.id, { authenticate: { methods: '', idle: hour, absolute: hour } })).status, 'gone')
    deepEqual((await store.end({ ids: [record.id] }, { reason: 'logout', by: null })).ended, [])
    deepEqual((await store.end({ userId: 'ada' }, { reason: 'revoked', by: null })).ended, [])
    deepEqual(await stage.idsOf('ada'), [])
    equal((await store.count({}, null)).count, 0)
    const next = await stage.create({}, { limit: { max: 1, onLimit: 'reject' } })
    equal(next.status, 'created')
    deepEqual((await stage.sweep()).map(({ id, reason }) => [id, reason]), [[record.id, 'idle']])
  }),
  law('1 a session that was seen lives on from then, and the sweep leaves it alone', async stage => {
    const [kept, left] = await stage.several(2)
    const [keptId, leftId] = [kept.id, left.id]
    await seen(stage, keptId, 20 * minute)
    stage.clock.now += 20 * minute
    deepEqual((await stage.sweep()).map(({ id }) => id), [leftId])
    equal((await stage.live(keptId))?.id, keptId)
    await seen(stage, keptId, 5 * minute)
    stage.clock.now += 30 * minute
    deepEqual((await stage.sweep()).map(({ id }) => id), [keptId])
  }),
  law('1 a session whose life was shortened or begun anew is swept when it is over, not before and not much later', async stage => {
    const [short, long] = await stage.several(2)
    await stage.store.update(short.id, { shorten: { absolute: minute } })
    await stage.store.update(long.id, { authenticate: { methods: '', idle: 2 * hour, absolute: 20 * hour } })
    stage.clock.now += minute
    deepEqual((await stage.sweep()).map(({ id, reason }) => [id, reason]), [[short.id, 'absolute']])
    stage.clock.now += hour
    deepEqual(await stage.sweep(), [])
    stage.clock.now += hour
    deepEqual((await stage.sweep()).map(({ id }) => id), [long.id])
  })
]

async function seen (stage: Stage, id: string, after: number): Promise<void> {
  stage.clock.now += after
  await stage.store.touch([stage.touch(id)], stage.clock.now)
}
