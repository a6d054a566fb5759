import { deepEqual, equal } from 'node:assert/strict'
import type { StoreListener } from '../../store.ts'
import { hour, law, minute } from './fixture.ts'

/** Law 7, on other nodes: where sessions are shared, whoever watches hears of each end and change. */
export const watchLaws = [
  law('7 another node that watches hears of ends and changes, and of no touch', async stage => {
    const { ground, store } = stage
    const node = await ground.open()
    const heard: string[] = []
    const listener: StoreListener = {
      ended: ({ id, reason }) => { heard.push(`ended ${id} ${reason}`) },
      changed: id => { heard.push(`changed ${id}`) },
      lost: () => { heard.push('lost') }
    }
    const watch = await node.watch?.(listener)
    // a store of this process needs no stream: every read is local
    if (watch === undefined) { equal(store.scope, 'process'); return }
    const told = async (act: () => unknown): Promise<string[]> => {
      heard.length = 0
      await act()
      await watch.probe()
      return [...new Set(heard)]
    }
    const { id } = await stage.created()
    deepEqual(await told(() => store.touch([stage.touch(id)], stage.clock.now)), [])
    deepEqual(await told(() => store.update(id, { rotate: { hash: 'b'.repeat(43), keep: true } }, { generation: 0 })), [`changed ${id}`])
    deepEqual(await told(() => store.update(id, { set: { a: '1' } })), [`changed ${id}`])
    deepEqual(await told(() => store.end({ ids: [id] }, { reason: 'logout', by: null })), [`ended ${id} logout`])
    const [a, b] = await stage.several(2)
    deepEqual(await told(() => stage.create({}, { limit: { max: 2, onLimit: 'oldest' } })), [`ended ${a.id} evicted`])
    deepEqual(await told(() => stage.create({}, { replaces: b.id })), [`ended ${b.id} replaced`])
    deepEqual((await told(() => store.end({ userId: 'ada' }, { reason: 'revoked', by: null }))).length, 2)
    const last = await stage.created({ absoluteAt: stage.clock.now + minute })
    stage.clock.now += hour
    deepEqual(await told(() => stage.sweep()), [`ended ${last.id} absolute`])
    await watch.close()
    const silent = await stage.created()
    heard.length = 0
    await stage.logout(silent.id)
    deepEqual(heard, [])
  })
]
