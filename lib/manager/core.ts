import { ActivityBuffer } from './activity.ts'
import { EndListeners } from './end-listeners.ts'
import { PendingRevocations } from './pending-revocations.ts'
import { RecordFactory } from './record-factory.ts'
import { openResources } from './resources.ts'
import type { ManagerResources, ManagerSetup } from './resources.ts'

/** The resources that the services of an open manager share. */
export interface ManagerCore extends ManagerResources {
  readonly activity: ActivityBuffer
  readonly listeners: EndListeners
  readonly pending: PendingRevocations
  readonly records: RecordFactory
}

/** Opens the store, and creates the shared resources. Rejects as `openResources`. */
export async function openCore (setup: ManagerSetup): Promise<ManagerCore> {
  const resources = await openResources(setup)
  return {
    ...resources,
    activity: new ActivityBuffer(resources),
    listeners: new EndListeners(resources),
    pending: new PendingRevocations(resources),
    records: new RecordFactory(resources)
  }
}
