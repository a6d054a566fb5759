import { SessionEventEmitter } from '../../lib/events/emitter.ts'
import type { SessionEvent, SessionManagerOptions } from '../../lib/index.ts'
import { openCore } from '../../lib/manager/core.ts'
import type { ManagerCore } from '../../lib/manager/core.ts'
import { resolveOptions } from '../../lib/manager/options.ts'
import { StoreClock } from '../../lib/manager/store-clock.ts'
import { secret } from './app.ts'

export interface TestCore {
  readonly core: ManagerCore
  /** The time that the core sees. */
  readonly clock: { now: number }
  /** Everything that was emitted. */
  readonly events: SessionEvent[]
}

/** Opens what the services of a manager share, without services and timers: for tests of one part. */
export async function testCore (t: { teardown: (fn: () => unknown) => void }, options: SessionManagerOptions = {}): Promise<TestCore> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const emitter = new SessionEventEmitter(error => { throw error })
  const events: SessionEvent[] = []
  emitter.on('*', event => { events.push(event) })
  const now = (): number => clock.now
  const core = await openCore({ options: resolveOptions({ secret, now, ...options }), clock: new StoreClock(now), events: emitter })
  t.teardown(() => core.store.close())
  return { core, clock, events }
}
