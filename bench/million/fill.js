import { person, slices, why } from './people.js'

/** Fills a store: `total` live sessions, a tenth as many ended ones, and the numbers of a month. */
export async function fill (store, total, engine) {
  const now = Date.now()
  for (const slice of slices(now)) await store.saveStatistics(slice)
  if (engine?.pool !== undefined) return fillTables(engine.pool, total, now)
  // nothing of it is worth a wait for the disk
  engine?.handle?.exec('PRAGMA synchronous = OFF')
  await create(store, total, i => person(i, total, now))
  const ids = await create(store, total / 10, i => person(i * 10, total, now))
  for (let i = 0; i < ids.length; i += 100) await store.end({ ids: ids.slice(i, i + 100) }, why(i / 100))
  engine?.handle?.exec('PRAGMA synchronous = NORMAL')
}

async function create (store, count, make) {
  const ids = []
  for (let batch = []; ids.length < count;) {
    const record = make(ids.length)
    ids.push(record.id)
    batch.push(store.create(record, { at: Date.now(), limit: null, replaces: null, adopts: null }))
    if (batch.length < 256 && ids.length < count) continue
    await Promise.all(batch)
    batch = []
  }
  return ids
}

/** Past create_session, which a million times takes a quarter of an hour. */
async function fillTables (pool, total, now) {
  const rows = (i, count) => Array.from({ length: Math.min(5000, count - i) }, (_, n) => person((i + n) * (total / count), total, now))
  const insert = (table, values) =>
    pool.query(`INSERT INTO fastify_sessions.${table} SELECT * FROM jsonb_populate_recordset(NULL::fastify_sessions.${table}, $1)`, [
      JSON.stringify(values.map(toColumns))
    ])
  for (let i = 0; i < total; i += 5000) {
    await insert(
      'session',
      rows(i, total).map(record => ({
        ...record,
        ip: null,
        userAgent: null,
        ipChanged: false,
        userAgentChanged: false,
        cleanupAt: Math.min(record.lastSeenAt + record.idleTimeout, record.absoluteExpiresAt),
        data: {}
      }))
    )
  }
  for (let i = 0; i < total / 10; i += 5000) {
    await insert(
      'ended',
      rows(i, total / 10).flatMap((record, n) =>
        record.userId === null ? [] : { ...record, ...why(n), endedAt: now, endedBy: why(n).by }
      )
    )
  }
  await pool.query(`UPDATE fastify_sessions.counter c SET live = s.live, guests = s.guests, remembered = s.remembered, users = s.users
    FROM (SELECT count(*) AS live, count(*) FILTER (WHERE user_id IS NULL) AS guests, count(*) FILTER (WHERE remembered) AS remembered, count(DISTINCT user_id) AS users FROM fastify_sessions.session) s WHERE c.shard = 0`)
  await pool.query('VACUUM ANALYZE')
}

function toColumns (fields) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`), value])
  )
}
