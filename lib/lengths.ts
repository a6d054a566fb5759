import { lengthsFor } from './policy.ts'
import type { Lengths } from './policy.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'

/** What the store is told of a session's lengths: an idle time that leaves room for activity that another node has not written yet. */
export function storedLengths (settings: Settings, store: Pick<Store, 'scope'>, session: { readonly userId: string | null, readonly remembered: boolean }): Lengths {
  const { idle, absolute } = lengthsFor(settings.policy, session)
  return { idle: idle + (store.scope === 'process' ? 0 : settings.flush), absolute }
}
