import type { RedisClient } from './client.ts'

/**
 * Warns of settings with which a server may lose sessions, or bring ended ones back. If a server does not reveal its
 * settings, there is no warning.
 */
export async function checkHealth (client: RedisClient, warn: (message: string) => void): Promise<void> {
  const [primary] = await client.primaries()
  const info = String(await primary?.command(['info']).catch(() => ''))
  const policy = /^maxmemory_policy:([\w-]+)/m.exec(info)?.[1] ?? 'noeviction'
  if (policy !== 'noeviction') {
    warn(`Redis has \`maxmemory-policy ${policy}\`: when memory is full it may drop live sessions and their indexes. Set \`noeviction\`.`)
  }
  if (/^aof_enabled:0/m.test(info)) {
    warn(
      'Redis has no append-only file (`appendonly no`): a restart may lose sessions, and may bring ended ones back. Set `appendonly yes`.'
    )
  }
}

/**
 * Throws if the connection uses another database than the configured one. If SELECT fails, ioredis only emits an event, and continues with
 * database 0, which other apps may use. Servers older than 6.2 do not report the database of a connection.
 */
export async function checkDatabase (client: RedisClient): Promise<void> {
  if (client.cluster || client.database === 0) return
  const [primary] = await client.primaries()
  const info = String(await primary?.command(['client', 'info']).catch(() => ''))
  const actual = /\bdb=(\d+)/.exec(info)?.[1] ?? String(client.database)
  if (Number(actual) !== client.database) {
    throw new Error(`DB index ${client.database} is not in use: the connection is in database ${actual}`)
  }
}
