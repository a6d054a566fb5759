import { deepEqual, equal } from 'node:assert/strict'
import { newId, shardOf } from '../../token/token.ts'
import { hour, law, minute } from './fixture.ts'
import type { Stage } from './fixture.ts'

/** Laws 2 and 3 for credentials of other libraries: each is taken over once, and its session's end is its end. */
export const adoptionLaws = [
  law('3 of parallel adoptions of one credential one creates, the others get what it created', async stage => {
    const { ground, store, clock } = stage
    const node = await ground.open()
    const adopts = { key: 'k'.repeat(43), until: clock.now + 5 * hour }
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => stage.create({}, { adopts }, i % 2 === 0 ? store : node)))
    const created = answers.filter(answer => answer.status === 'created')
    equal(created.length, 1)
    const [first] = created
    for (const answer of answers) {
      if (answer.status === 'adopted') deepEqual(answer.session, first?.record)
      else equal(answer.status, 'created')
    }
    deepEqual(await stage.idsOf('ada'), [first?.record.id])
    equal((await stage.create({}, { adopts: { key: 'other'.padEnd(43, 'x'), until: adopts.until } })).status, 'created')
  }),
  law('2 a credential whose session has ended is never adopted again', async stage => {
    const adopts = { key: 'k'.repeat(43), until: stage.clock.now + 50 * hour }
    const { id } = await stage.created({}, { adopts })
    await stage.logout(id)
    const again = await stage.create({}, { adopts })
    equal(again.status === 'adopted' && again.session !== null && 'reason' in again.session && again.session.reason, 'logout')
    stage.clock.now += 30 * hour
    await stage.sweep()
    const later = await stage.create({}, { adopts })
    equal(later.status === 'adopted' && later.session, null, 'the mark outlives what is known of the session')
    equal((await stage.idsOf('ada')).length, 0)
  }, { history: hour }),
  law('3 a refused adoption marks nothing', async stage => {
    await stage.created()
    const adopts = { key: 'k'.repeat(43), until: stage.clock.now + hour }
    equal((await stage.create({}, { adopts, limit: { max: 1, onLimit: 'reject' } })).status, 'refused')
    equal((await stage.create({}, { adopts, limit: { max: 2, onLimit: 'reject' } })).status, 'created')
  }),
  law('10 a mark is forgotten when its credential can no longer be used', async stage => {
    const adopts = { key: 'k'.repeat(43), until: stage.clock.now + 10 * minute }
    const { id } = await stage.created({}, { adopts })
    await stage.logout(id)
    stage.clock.now += 11 * minute
    await stage.sweep()
    equal((await stage.create({}, { adopts })).status, 'created')
  }),
  law('3 adoptions of guests are marked like any other', async stage => {
    const adopts = { key: 'g'.repeat(43), until: stage.clock.now + hour }
    const first = await adoptGuest(stage, adopts)
    const second = await adoptGuest(stage, adopts)
    deepEqual([first.status, second.status], ['created', 'adopted'])
  })
]

/** Ids of one credential share a shard, so that its mark lies where they do. */
async function adoptGuest (stage: Stage, adopts: { readonly key: string, readonly until: number }): ReturnType<Stage['create']> {
  return stage.create({ userId: null, id: newId(shardOf('the credential'), stage.clock.now) }, { adopts })
}
