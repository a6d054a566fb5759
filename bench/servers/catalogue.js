const fastify = async name => (await import('./fastify.js'))[name]()
const ours = async options => (await import('./ours.js')).ours(options)
const peers = async (name, options) => (await import('./peers.js'))[name](options)
const express = async (name, options) => (await import('./express.js'))[name](options)

/**
 * Every server that is measured, by the name that it has in tables. `needs`: an engine that is started with it. `cookies`, `users`: at
 * most so many, where making or finding more takes too long. `rests: false`: it forgets while nobody asks, and so is asked once for each
 * cookie before it is measured.
 */
export const catalogue = {
  'bare Fastify': { build: () => fastify('bare') },
  'floor: hook, verified cookie, Map': { build: async () => (await import('./floor.js')).floor() },
  '@fastify/cookie alone': { build: () => fastify('cookieAlone') },

  'fastify-session-manager memory': { build: () => ours() },
  'fastify-session-manager memory, beside @fastify/cookie': { build: () => ours({ beside: true }) },
  'fastify-session-manager SQLite': { needs: 'file', build: async ({ path }) => ours({ store: (await import('../../dist/lib/stores/sqlite.js')).sqliteStore(path) }) },
  'fastify-session-manager Redis': { needs: 'redis', build: engine => redis(engine) },
  'fastify-session-manager Redis, ioredis': { needs: 'redis', build: async engine => redis(engine, {}, new (await import('ioredis')).Redis(engine.path, { enableAutoPipelining: true })) },
  'fastify-session-manager Redis, cached': { needs: 'redis', rests: false, build: engine => redis(engine, { cache: { max: 20_000 } }) },
  'fastify-session-manager PostgreSQL': { needs: 'postgres', build: engine => postgres(engine) },
  'fastify-session-manager PostgreSQL, cached': { needs: 'postgres', rests: false, build: engine => postgres(engine, { cache: { max: 20_000 } }) },

  '@fastify/session memory': { build: () => peers('fastifySession') },
  '@fastify/session memory, rolling: false': { build: () => peers('fastifySession', { rolling: false }) },
  '@fastify/session memory, recording': { build: () => peers('fastifySession', { recording: true }) },
  '@fastify/session Redis, rolling: false': { needs: 'redis', build: async engine => peers('fastifySession', { rolling: false, store: await engine.connectStore() }) },
  '@fastify/session Redis, recording': { needs: 'redis', build: async engine => peers('fastifySession', { recording: true, store: await engine.connectStore() }) },
  '@fastify/secure-session': { build: () => peers('fastifySecureSession') },
  'iron-session': { build: () => peers('ironSession') },
  'bare Express': { build: () => express('bareExpress') },
  'express-session memory, recording': { build: () => express('express5') },
  'express-session Redis, recording': { needs: 'redis', build: async engine => express('express5', { store: await engine.connectStore() }) },
  'better-auth': { cookies: 500, users: 500, build: async () => (await import('./betterauth.js')).better() }
}

/** Whether a request with a session asks another process, which shares the core of the load; `writes`: whether the request changes something. */
export function asksAnother (name, { writes = false } = {}) {
  const { needs, rests } = catalogue[name]
  return (needs === 'redis' || needs === 'postgres') && (writes || rests !== false)
}

/** Servers that only one question asks. */
export const special = {
  cleanup: { build: async () => (await import('./ours.js')).cleaningUp() }
}

export const names = Object.keys(catalogue)
export const own = names.filter(name => name.startsWith('fastify-session-manager'))

async function redis (engine, options = {}, client = engine.client) {
  const { redisStore } = await import('../../dist/lib/stores/redis.js')
  return ours({ store: redisStore(client, options) })
}

async function postgres ({ pool }, options = {}) {
  const { postgresStore } = await import('../../dist/lib/stores/postgres.js')
  return ours({ store: postgresStore(pool, options) })
}
