import { Timer } from '../async.ts'
import { Cleanup } from './cleanup.ts'
import { openCore } from './core.ts'
import type { ManagerCore } from './core.ts'
import { Creator } from './creator.ts'
import { CredentialBlocks } from './credential-blocks.ts'
import { Eraser } from './eraser.ts'
import { SessionReader } from './reader.ts'
import { closeOnError, remeasure } from './resources.ts'
import type { ManagerSetup } from './resources.ts'
import { Revoker } from './revoker.ts'
import { Rotator } from './rotator.ts'
import { Updater } from './updater.ts'
import { Validator } from './validator.ts'

/** An open manager: its services, and the resources that they share. */
export interface ManagerServices extends ManagerCore {
  readonly validator: Validator
  readonly creator: Creator
  readonly rotator: Rotator
  readonly updater: Updater
  readonly revoker: Revoker
  readonly reader: SessionReader
  readonly blocks: CredentialBlocks
  readonly eraser: Eraser
  readonly cleanup: Cleanup
  /** Stops the timers, waits for running tasks, writes pending data, closes the store. */
  readonly close: () => Promise<void>
}

const statisticsInterval = 10_000
const clockInterval = 10_000

/** Opens the store, makes the services, and starts the timers last. Rejects as `openCore`. */
export async function openServices (setup: ManagerSetup): Promise<ManagerServices> {
  const core = await openCore(setup)
  const { store, clock, notifier, activity, listeners, pending, statistics } = core
  const revoker = new Revoker(core)
  const services = {
    validator: new Validator(core, revoker),
    creator: new Creator(core),
    rotator: new Rotator(core),
    updater: new Updater(core),
    revoker,
    reader: new SessionReader(core),
    blocks: new CredentialBlocks(core, revoker),
    eraser: new Eraser(core, revoker),
    cleanup: new Cleanup(core)
  }
  const subscription = await closeOnError(store, async () => store.subscribe?.({
    ended: session => { notifier.endedRemotely(session) },
    changed: () => {},
    lost: () => { listeners.recheckAll() }
  }))
  const counting = new Timer(() => statistics.flush(clock.now()), { delay: () => statisticsInterval }).start()
  const measuring = new Timer(() => remeasure(core, store), { delay: () => clockInterval }).start()
  services.cleanup.start()
  activity.start()
  return {
    ...core,
    ...services,
    async close () {
      await Promise.all([services.cleanup.stop(), counting.stop(), measuring.stop(), activity.stop()])
      listeners.close()
      await activity.flush(clock.now())
      await pending.close()
      await statistics.flush(clock.now())
      await subscription?.close()
      await store.close()
    }
  }
}
