import { hour, minute, second } from './simulation.ts'
import type { World } from './simulation.ts'

/** Where in a session's life a schedule begins. */
export interface Moment {
  readonly name: string
  readonly prepare: (world: World) => Promise<void>
}

/** Each starts with two live sessions of one user, which is the limit; the first is remembered. */
export const moments: readonly Moment[] = [
  { name: 'in the middle of life', prepare: begin },
  {
    name: 'with a verifier that is due',
    async prepare (world) {
      await begin(world)
      await pass(world, hour)
    }
  },
  {
    name: 'with a new cookie that got lost',
    async prepare (world) {
      await begin(world)
      await pass(world, hour)
      const { token } = world
      await world.request(1, token)
      world.oldToken = token
      world.token = token
      await flushAll(world)
      await pass(world, minute)
    }
  },
  {
    name: 'with a new cookie that was seen, and not yet written',
    async prepare (world) {
      await begin(world)
      await pass(world, hour)
      world.oldToken = world.token
      await world.request(1, world.token)
      await pass(world, minute + second)
      await flushAll(world)
      await world.request(0, world.token)
      // within the grace of the one before
      world.passes = 10 * second
    }
  },
  {
    name: 'a millisecond before it is idle for too long',
    async prepare (world) {
      await begin(world)
      const record = (await world.standing()).find(({ id }) => id === world.id)
      world.environment.clock.now = (record?.lastSeenAt ?? 0) + (record?.idleTimeout ?? 0) - 1
      // a request long ago, so that the next one does not flush by itself
      await flushAll(world)
      world.passes = 2
    }
  },
  {
    name: 'with activity that no node has written yet',
    async prepare (world) {
      await begin(world)
      await pass(world, second)
      await world.request(1, world.token)
      await pass(world, second)
      await world.request(0, world.token)
      await pass(world, second)
      await world.request(1, world.token)
    }
  },
  {
    name: 'a millisecond before the end of its longest life',
    async prepare (world) {
      await begin(world)
      for (const length of [6, 6, 6, 6].map(days => days * 24 * hour)) await use(world, length)
      const end = (await world.standing()).find(({ id }) => id === world.id)?.absoluteExpiresAt ?? 0
      await use(world, end - hour - world.environment.clock.now)
      world.environment.clock.now = end - 1
      world.oldToken = world.token
      await flushAll(world)
      world.passes = 2
    }
  }
]

/** Where nodes keep copies. */
export const copyMoments: readonly Moment[] = [
  {
    name: 'with a copy on each node',
    async prepare (world) {
      await begin(world)
      for (const node of [0, 1]) await world.request(node, world.token)
      await flushAll(world)
      await pass(world, 2 * second)
    }
  }
]

async function begin (world: World): Promise<void> {
  const made = await world.node(0).create({ userId: world.user, remember: true, method: 'password', data: { k0: 0 } })
  world.id = made.session.id
  world.token = made.token
  world.oldToken = made.token
  await pass(world, second)
  const other = await world.node(1).create({ userId: world.user, remember: true })
  world.otherId = other.session.id
  await world.request(0, world.token)
  await flushAll(world)
  await pass(world, 2 * second)
}

/** Two requests after a pause: the first may bring a new cookie, the second shows it. */
async function use (world: World, pause: number): Promise<void> {
  await pass(world, pause)
  for (let i = 0; i < 2; i++) await world.request(0, world.token)
  await flushAll(world)
}

async function pass (world: World, length: number): Promise<void> {
  world.environment.clock.now += length
}

async function flushAll (world: World): Promise<void> {
  for (const manager of world.managers) await manager.flush()
}
