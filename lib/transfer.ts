import { decodeValue, encodeData } from './data.ts'
import { SessionError } from './errors.ts'
import type { Filter } from './filter.ts'
import { expiresAt } from './record.ts'
import type { SessionRecord } from './record.ts'
import type { Store } from './store.ts'
import { hashVerifier, isId, newVerifier, shardOf, shardOfId } from './token.ts'
import { toUserId } from './user.ts'

export interface ExportOptions {
  readonly filter?: Filter
  /** Includes the users' data. Default true. */
  readonly data?: boolean
  /**
   * Includes the hash of each verifier, so that an import brings the sessions back to their browsers. Whoever has it and the secret
   * still cannot make a cookie, but keep it like a database. Default false.
   */
  readonly backup?: boolean
}

export interface ImportOptions {
  /** A row whose id exists: leave what is there (default), or refuse the import. */
  readonly onConflict?: 'skip' | 'refuse'
  /** Only checks. */
  readonly dryRun?: boolean
}

/** What an import did. */
export interface ImportReport {
  readonly imported: number
  /** Existed before, or had expired. */
  readonly skipped: number
  /** Could be no session: the first hundred, by their place from 1 on, with why. */
  readonly refused: readonly { readonly row: number, readonly why: string }[]
}

const secretFields = ['hash', 'previousHash', 'generation', 'rotatedAt', 'confirmedAt'] as const

/** Live sessions, one by one, oldest first. */
export async function * exportSessions (store: Store, options: ExportOptions): AsyncGenerator<Record<string, unknown>> {
  let cursor: string | null = null
  do {
    const page: { items: readonly SessionRecord[], cursor: string | null } = await store.list(options.filter ?? {}, { limit: 500, cursor, order: 'oldest' })
    for (const record of page.items) yield toRow(record, options)
    cursor = page.cursor
  } while (cursor !== null)
}

/** Creates sessions from exported rows. Rows that cannot be sessions are reported, never guessed at. */
export async function importSessions (store: Store, rows: AsyncIterable<unknown> | Iterable<unknown>, options: ImportOptions & { readonly now: number }): Promise<ImportReport> {
  const report = { imported: 0, skipped: 0, refused: [] as { row: number, why: string }[] }
  let row = 0
  for await (const value of rows) {
    row++
    try {
      const record = fromRow(value)
      if (expiresAt(record) <= options.now) { report.skipped++; continue }
      if (options.dryRun === true) { report.imported++; continue }
      const created = await store.create(record, { at: options.now, limit: null, replaces: null, adopts: null })
      if (created.status === 'created') report.imported++
      else if (created.status === 'full') throw new SessionError('FST_SESSION_STORE_FULL')
      else if (options.onConflict === 'refuse') throw new SessionError('FST_SESSION_INVALID_IMPORT', { values: [`row ${row} exists already`] })
      else report.skipped++
    } catch (error) {
      if (!(error instanceof RowError)) throw error
      if (report.refused.length < 100) report.refused.push({ row, why: error.message })
    }
  }
  return report
}

function toRow (record: SessionRecord, options: ExportOptions): Record<string, unknown> {
  const row: Record<string, unknown> = { ...record }
  if (options.backup !== true) for (const field of secretFields) Reflect.deleteProperty(row, field)
  if (options.data === false) delete row['data']
  else row['data'] = Object.fromEntries(Object.entries(record.data).map(([key, text]) => [key, decodeValue(text)]))
  return row
}

class RowError extends Error {}

function fromRow (value: unknown): SessionRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RowError('expected an object')
  const row = value as Record<string, unknown>
  const userId = row['userId'] === null ? null : readUserId(row['userId'])
  const id = text(row, 'id')
  if (!isId(id)) throw new RowError('expected `id` to be 22 base64url characters')
  if (userId !== null && shardOfId(id) !== shardOf(userId)) throw new RowError('expected `id` to be one of this user')
  const createdAt = instant(row, 'createdAt')
  return {
    id,
    userId,
    // without a backup's hash the session is there to be seen, and opened by nobody
    hash: row['hash'] === undefined ? hashVerifier(newVerifier()) : hashText(row['hash']),
    previousHash: row['previousHash'] === undefined || row['previousHash'] === null ? null : hashText(row['previousHash']),
    generation: integer(row['generation'] ?? 0, 'generation', 0xffff),
    rotatedAt: row['rotatedAt'] === undefined ? createdAt : instant(row, 'rotatedAt'),
    confirmedAt: row['confirmedAt'] === undefined || row['confirmedAt'] === null ? null : instant(row, 'confirmedAt'),
    createdAt,
    authenticatedAt: row['authenticatedAt'] === null ? null : instant(row, 'authenticatedAt'),
    methods: text(row, 'methods'),
    lastSeenAt: instant(row, 'lastSeenAt'),
    idle: integer(row['idle'], 'idle', 3650 * 86_400_000),
    absoluteAt: instant(row, 'absoluteAt'),
    requests: integer(row['requests'], 'requests', Number.MAX_SAFE_INTEGER),
    remembered: row['remembered'] === true,
    ip: nullableText(row, 'ip', 64),
    agent: nullableText(row, 'agent', 512),
    firstIp: nullableText(row, 'firstIp', 64),
    firstAgent: nullableText(row, 'firstAgent', 512),
    device: nullableText(row, 'device', 128),
    name: nullableText(row, 'name', 256),
    data: readData(row['data'])
  }
}

function readUserId (value: unknown): string {
  try {
    return toUserId(value)
  } catch {
    throw new RowError('expected `userId` to be a user id or null')
  }
}

function readData (value: unknown): SessionRecord['data'] {
  if (typeof (value ?? {}) !== 'object' || Array.isArray(value)) throw new RowError('expected `data` to be an object')
  try {
    return encodeData((value ?? {}) as Record<string, unknown>)
  } catch (error) {
    throw new RowError((error as Error).message)
  }
}

function text (row: Record<string, unknown>, field: string): string {
  const value = row[field]
  if (typeof value !== 'string' || value.length > 256) throw new RowError(`expected \`${field}\` to be a string`)
  return value
}

function nullableText (row: Record<string, unknown>, field: string, max: number): string | null {
  const value = row[field] ?? null
  if (value !== null && (typeof value !== 'string' || value.length > max)) throw new RowError(`expected \`${field}\` to be a string or null`)
  return value
}

function hashText (value: unknown): string {
  if (typeof value !== 'string' || !/^[\w-]{43}$/.test(value)) throw new RowError('expected a hash to be 43 base64url characters')
  return value
}

function instant (row: Record<string, unknown>, field: string): number {
  return integer(row[field], field, 8.64e15)
}

function integer (value: unknown, field: string, max: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > max) throw new RowError(`expected \`${field}\` to be a whole number from 0 to ${max}`)
  return value as number
}
