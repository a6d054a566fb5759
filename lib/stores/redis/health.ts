import type { RedisClient } from './client.ts'

/** Warns of settings with which a server may lose sessions, or bring ended ones back. A server that does not tell its settings is taken as it is. */
export async function checkHealth (client: RedisClient, warn: (message: string) => void): Promise<void> {
  const [primary] = await client.primaries()
  const info = String(await primary?.command(['info']).catch(() => ''))
  const policy = /^maxmemory_policy:([\w-]+)/m.exec(info)?.[1] ?? 'noeviction'
  if (policy !== 'noeviction') warn(`Redis has \`maxmemory-policy ${policy}\`: when memory is full it may drop live sessions and their indexes. Set \`noeviction\`.`)
  if (/^aof_enabled:0/m.test(info)) warn('Redis has no append-only file (`appendonly no`): a restart may lose sessions, and may bring ended ones back. Set `appendonly yes`.')
}
