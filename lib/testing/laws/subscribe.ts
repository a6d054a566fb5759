import { deepEqual, equal } from 'node:assert/strict'
import type { StoreListener } from '../../store.ts'
import { hour, law, minute } from './fixture.ts'

/** Law 7 on other nodes: a store that is shared notifies its subscribers of each end and change. */
export const subscriptionLaws = [
  law('7 a subscribed node is notified of ends and changes, not of activity', async fixture => {
    const { environment, store } = fixture
    const node = await environment.open()
    const heard: string[] = []
    const listener: StoreListener = {
      ended: ({ id, reason }) => { heard.push(`ended ${id} ${reason}`) },
      changed: id => { heard.push(`changed ${id}`) },
      lost: () => { heard.push('lost') }
    }
    const watch = await node.subscribe?.(listener)
    // a store in this process needs no subscription, because every read is local
    if (watch === undefined) { equal(store.scope, 'process'); return }
    const told = async (act: () => unknown): Promise<string[]> => {
      heard.length = 0
      await act()
      await watch.probe()
      return [...new Set(heard)]
    }
    const { id } = await fixture.created()
    deepEqual(await told(() => store.touch([fixture.activity(id)], fixture.clock.now)), [])
    deepEqual(await told(() => store.update(id, { rotate: { hash: 'b'.repeat(43), keep: true } }, { generation: 0 })), [`changed ${id}`])
    deepEqual(await told(() => store.update(id, { set: { a: '1' } })), [`changed ${id}`])
    deepEqual(await told(() => store.end({ ids: [id] }, { reason: 'logout', by: null })), [`ended ${id} logout`])
    const [a, b] = await fixture.createMany(2)
    deepEqual(await told(() => fixture.create({}, { limit: { max: 2, onExceeded: 'evict-oldest' } })), [`ended ${a.id} evicted`])
    deepEqual(await told(() => fixture.create({}, { replaces: b.id })), [`ended ${b.id} replaced`])
    deepEqual((await told(() => store.end({ userId: 'ada' }, { reason: 'revoked', by: null }))).length, 2)
    const last = await fixture.created({ absoluteExpiresAt: fixture.clock.now + minute })
    fixture.clock.now += hour
    deepEqual(await told(() => fixture.cleanUp()), [`ended ${last.id} absolute-timeout`])
    await watch.close()
    const silent = await fixture.created()
    heard.length = 0
    await fixture.logout(silent.id)
    deepEqual(heard, [])
  })
]
