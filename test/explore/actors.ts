import { SessionError } from '../../lib/errors.ts'
import { presentedBy } from './simulation.ts'
import type { World } from './simulation.ts'

/** Something that one party does to sessions. `me`: tells actors of one schedule apart. */
export interface Actor {
  readonly name: string
  /** It touches more than one node. */
  readonly everywhere?: true
  readonly act: (world: World, node: number, me: number) => Promise<void>
}

/** Everything that can happen to a session, and what it is by then allowed to come to. */
export const actors: readonly Actor[] = [
  { name: 'validate', async act (world, node) { await world.request(node, world.token) } },
  { name: 'validate-old', async act (world, node) { await world.request(node, world.oldToken) } },
  { name: 'flush', async act (world, node) { await world.node(node).flush() } },
  { name: 'update', async act (world, node, me) { await world.node(node).update(world.id, { [`k${me}`]: me }) } },
  {
    name: 'rotate',
    async act (world, node) {
      const renewal = await world.node(node).rotate(presentedBy(world.token))
      if (renewal !== null) world.keep(renewal.token)
    }
  },
  {
    name: 'reauthenticate',
    async act (world, node) {
      const renewal = await world.node(node).rotate(presentedBy(world.token), { method: 'webauthn' })
      if (renewal !== null) world.keep(renewal.token)
    }
  },
  { name: 'extend', async act (world, node) { await world.node(node).extend(world.id) } },
  // the same browser signs in again
  { name: 'login', async act (world, node) { await world.node(node).create({ userId: world.user, method: 'password', replaces: world.id }) } },
  // another device signs in, and the limit is full
  { name: 'evict', async act (world, node) { await world.node(node).create({ userId: world.user, remember: true }) } },
  { name: 'logout', async act (world, node) { await ended(world, world.node(node).revoke(world.id, { reason: 'logout', by: 'user' })) } },
  { name: 'revoke', async act (world, node) { await ended(world, world.node(node).revokeMany([world.id, world.otherId], { by: 'admin' })) } },
  { name: 'revoke-all', async act (world, node) { await ended(world, world.node(node).revokeUser(world.user, { by: 'admin' })) } },
  { name: 'revoke-where', async act (world, node) { await world.node(node).revokeWhere({ userId: world.user, remembered: true }, { by: 'admin' }) } },
  { name: 'cleanup', async act (world, node) { await world.node(node).cleanup() } },
  {
    name: 'adopt',
    async act (world, node) {
      try {
        const { session } = await world
          .node(node)
          .create({
            userId: world.user,
            adopts: {
              credential: `a cookie of another library: ${world.user}`,
              source: 'express-session',
              until: world.environment.clock.now + 30 * 86_400_000
            }
          })
        if (session.userId !== world.user) world.monitor.broken(9, 'somebody else\'s session was adopted')
      } catch (error) {
        // the session that took it over has ended since, and so has the credential
        if (!(error instanceof SessionError) || error.code !== 'FST_SESSION_ENDED') throw error
      }
    }
  },
  { name: 'page', act: page },
  {
    name: 'time',
    everywhere: true,
    async act (world) { world.environment.clock.now += world.passes }
  }
]

/** What there is besides where nodes keep copies. */
export const copyActors: readonly Actor[] = [
  { name: 'validate-strict', async act (world, node) { await world.request(node, world.token, { strict: true }) } },
  { name: 'break', everywhere: true, async act (world, node) { world.feeds[node]?.break() } }
]

/** What was ended for the caller is gone by the time it is told. */
async function ended (world: World, end: Promise<unknown>): Promise<void> {
  await end
  // what had expired was not ended, and on a clock that is turned back it is there again
  if (world.present.has(world.id) && !world.monitor.skewed) world.monitor.broken(2, 'a session lives after its end was answered')
}

/** Turns pages of one, and must neither see anything twice nor miss what lives all the time. */
async function page (world: World, node: number): Promise<void> {
  const there = world.present
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const step: { items: readonly { id: string }[]; cursor: string | null } = await world
      .node(node)
      .list({ userId: world.user }, { limit: 1, cursor, order: 'oldest' })
    seen.push(...step.items.map(({ id }) => id))
    cursor = step.cursor
  } while (cursor !== null)
  const still = world.present
  if (new Set(seen).size !== seen.length) world.monitor.broken(8, 'a page repeats a session')
  // on a clock that is turned back, what had expired is there again
  if (world.monitor.skewed) return
  for (const id of there) if (still.has(id) && !seen.includes(id)) world.monitor.broken(8, 'pages skip a session that lives')
}
