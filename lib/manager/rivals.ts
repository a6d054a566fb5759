import { hasEnded, isSession } from '../model/record.ts'
import { judge } from '../policy.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { ManagerCore } from './core.ts'

/**
 * Returns the token to validate, of several that one browser presents: the newest token of the one live session among them. Their cookies
 * differ in attributes that the app has changed since. If no session is live, returns the token of an ended one if there is one, so that
 * the response has a reason. `null`: several sessions are live, which an attacker arranged (cookie tossing). Emits and ends nothing.
 * Rejects with the store's errors.
 */
export async function chooseToken<T extends PresentedToken> (tokens: readonly T[], core: ManagerCore): Promise<T | null> {
  let [live, ended]: [T | null, T | null] = [null, null]
  for (const token of tokens) {
    switch (await stateOf(token, core)) {
      case 'live':
        if (live !== null && live.id !== token.id) return null
        if (live === null || token.generation > live.generation) live = token
        break
      case 'ended':
        ended = token
        break
      case 'invalid':
    }
  }
  return live ?? ended ?? tokens[0] ?? null
}

async function stateOf (token: PresentedToken, { options, clock, store, pending }: ManagerCore): Promise<'live' | 'ended' | 'invalid'> {
  if (pending.reasonFor(token.id) !== undefined) return 'ended'
  const found = await store.read(token.id)
  if (found === null || !isSession(found)) return 'invalid'
  if (hasEnded(found)) return 'ended'
  switch (judge(options.policy, found, token, clock.now())) {
    case 'accept':
    case 'rotate':
    case 'resend': return 'live'
    case 'expired': return 'ended'
    // the outdated token of a session whose current one may be among the others
    case 'superseded':
    case 'unknown':
    case 'reused': return 'invalid'
  }
}
