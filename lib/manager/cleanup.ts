import { turn } from '../async.ts'
import type { Events } from '../events/emitter.ts'
import type { Store } from '../store.ts'
import type { Successors } from '../token/successors.ts'
import type { Activity } from './activity.ts'
import type { Announcer } from './end-notifier.ts'
import type { Clock } from './store-clock.ts'

export interface SweepOptions {
  readonly clock: Clock
  readonly events: Events
  readonly announcer: Announcer
  readonly activity: Activity
  readonly successors: Successors
  /** What was sent again so long ago is of no use. Milliseconds. */
  readonly settle: number
}

const step = 200

/** Ends what has expired, a slice a turn. Trouble is told by the guard, and left to the next sweep. */
export async function sweepStore (store: Store, { clock, events, announcer, activity, successors, settle }: SweepOptions): Promise<void> {
  const started = clock.now()
  successors.forget(started - settle)
  let total = 0
  try {
    await activity.flush(started)
    for (let more = true; more;) {
      const swept = await store.sweep(step)
      announcer.ended(swept.ended)
      total += swept.ended.length
      more = swept.more
      // the event loop is free between slices
      if (more) await turn()
    }
  } catch {
    return
  }
  events.emit({ type: 'swept', at: clock.now(), id: null, userId: null, ended: total, duration: clock.now() - started })
}
