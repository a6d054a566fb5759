import { deepEqual, equal } from 'node:assert/strict'
import { newId, shardOf } from '../../token/token.ts'
import { hour, law, minute } from './fixture.ts'
import type { LawFixture } from './fixture.ts'

/** Laws 2 and 3 for legacy cookies: each is migrated once, and is invalid when its session has ended. */
export const adoptionLaws = [
  law('3 of parallel migrations of one legacy cookie one creates the session and the others get it', async fixture => {
    const { environment, store, clock } = fixture
    const node = await environment.open()
    const adopts = { key: 'k'.repeat(43), until: clock.now + 5 * hour }
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => fixture.create({}, { adopts }, i % 2 === 0 ? store : node)))
    const created = answers.filter(answer => answer.status === 'created')
    equal(created.length, 1)
    const [first] = created
    for (const answer of answers) {
      if (answer.status === 'adopted') deepEqual(answer.session, first?.record)
      else equal(answer.status, 'created')
    }
    deepEqual(await fixture.idsOf('ada'), [first?.record.id])
    equal((await fixture.create({}, { adopts: { key: 'other'.padEnd(43, 'x'), until: adopts.until } })).status, 'created')
  }),
  law('2 a legacy cookie is never migrated again after its session has ended', async fixture => {
    const adopts = { key: 'k'.repeat(43), until: fixture.clock.now + 50 * hour }
    const { id } = await fixture.created({}, { adopts })
    await fixture.logout(id)
    const again = await fixture.create({}, { adopts })
    equal(again.status === 'adopted' && again.session !== null && 'reason' in again.session && again.session.reason, 'logout')
    fixture.clock.now += 30 * hour
    await fixture.cleanUp()
    const later = await fixture.create({}, { adopts })
    equal(later.status === 'adopted' && later.session, null, 'the mark is stored longer than the ended-session record')
    equal((await fixture.idsOf('ada')).length, 0)
  }, { history: hour }),
  law('3 a rejected migration does not mark the legacy cookie', async fixture => {
    await fixture.created()
    const adopts = { key: 'k'.repeat(43), until: fixture.clock.now + hour }
    equal((await fixture.create({}, { adopts, limit: { max: 1, onExceeded: 'reject' } })).status, 'refused')
    equal((await fixture.create({}, { adopts, limit: { max: 2, onExceeded: 'reject' } })).status, 'created')
  }),
  law('10 cleanup deletes the mark of an expired legacy cookie', async fixture => {
    const adopts = { key: 'k'.repeat(43), until: fixture.clock.now + 10 * minute }
    const { id } = await fixture.created({}, { adopts })
    await fixture.logout(id)
    fixture.clock.now += 11 * minute
    await fixture.cleanUp()
    equal((await fixture.create({}, { adopts })).status, 'created')
  }),
  law('3 migrations of guest sessions mark the legacy cookie, too', async fixture => {
    const adopts = { key: 'g'.repeat(43), until: fixture.clock.now + hour }
    const first = await adoptGuest(fixture, adopts)
    const second = await adoptGuest(fixture, adopts)
    deepEqual([first.status, second.status], ['created', 'adopted'])
  })
]

/** Creates a guest session. All ids for one legacy cookie are in one shard, because the mark is stored there. */
async function adoptGuest (
  fixture: LawFixture,
  adopts: { readonly key: string, readonly until: number }
): ReturnType<LawFixture['create']> {
  return fixture.create({ userId: null, id: newId(shardOf('the credential'), fixture.clock.now) }, { adopts })
}
