import { turn } from '../async.ts'
import { SessionError } from '../errors.ts'
import { decodeValue, encodeData } from '../model/data.ts'
import type { Filter } from '../model/filter.ts'
import { expiresAt, hasEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { toUserId } from '../model/user-id.ts'
import type { Page, PageOptions, Store } from '../store.ts'
import { hashVerifier, isId, newVerifier, shardOf, shardOfId } from '../token/token.ts'

/** What leaves. */
export interface ExportOptions {
  readonly filter?: Filter
  /** `ended`: the short records of history, to be read; they cannot be imported. Default `live`. */
  readonly state?: 'live' | 'ended'
  /** Includes the users' data. Default true. */
  readonly data?: boolean
  /**
   * Includes the hash of each verifier, so that an import brings the sessions back to their browsers. Whoever has it and the secret
   * still cannot make a cookie, but keep it like a database. Default false.
   */
  readonly backup?: boolean
}

/** How to take rows in. */
export interface ImportOptions {
  /** A row whose id exists: leave what is there (default), or refuse the import. */
  readonly onConflict?: 'skip' | 'refuse'
  /** Only checks. */
  readonly dryRun?: boolean
  /**
   * Takes the hashes of a backup too, so that its sessions open again in their browsers. Only for rows that nobody could change: whoever
   * can write a hash can give a session of theirs to another user. Default false: hashes are passed over.
   */
  readonly backup?: boolean
}

/** What an import did. */
export interface ImportReport {
  /** How many rows there were; those that are neither imported nor skipped were refused. */
  readonly rows: number
  readonly imported: number
  /** Existed before, or had expired. */
  readonly skipped: number
  /** Could be no session: the first hundred, by their place from 1 on, with why. */
  readonly refused: readonly { readonly row: number, readonly why: string }[]
}

const secretFields = ['hash', 'previousHash', 'generation', 'rotatedAt', 'confirmedAt'] as const
const pageSize = 500
/** So many rows are on their way to the store at once. */
const batchSize = 64

/** Sessions one by one, in bounded memory: live ones oldest first, by `(createdAt, id)`; ended ones by `(endedAt, id)`. */
export async function * exportSessions (store: Store, options: ExportOptions): AsyncGenerator<Record<string, unknown>> {
  const { filter = {}, state = 'live' } = options
  let cursor: string | null = null
  do {
    const where: PageOptions = { limit: pageSize, cursor, order: 'oldest' }
    const page: Page<SessionRecord | EndedSession> = state === 'live' ? await store.list(filter, where) : await store.history(filter, where)
    for (const session of page.items) yield hasEnded(session) ? { ...session } : toRow(session, options)
    cursor = page.cursor
    await turn()
  } while (cursor !== null)
}

/** Creates sessions from exported rows. Rows that cannot be sessions are reported, never guessed at. */
export async function importSessions (store: Store, rows: AsyncIterable<unknown> | Iterable<unknown>, options: ImportOptions & { readonly now: number }): Promise<ImportReport> {
  const report = { rows: 0, imported: 0, skipped: 0, refused: [] as { row: number, why: string }[] }
  let batch: Promise<'imported' | 'skipped'>[] = []
  const settle = async (): Promise<void> => {
    // all of them, so that none fails unseen when another fails first
    for (const result of await Promise.allSettled(batch)) {
      if (result.status === 'rejected') throw result.reason
      report[result.value]++
    }
    batch = []
    await turn()
  }
  for await (const value of rows) {
    report.rows++
    try {
      const row = importRow(store, fromRow(value, options.backup === true), { ...options, row: report.rows })
      // it may fail while the next rows are still on their way, long before the batch is looked at
      row.catch(() => {})
      batch.push(row)
    } catch (error) {
      if (report.refused.length < 100) report.refused.push({ row: report.rows, why: (error as RowError).message })
    }
    if (batch.length >= batchSize) await settle()
  }
  await settle()
  return report
}

async function importRow (store: Store, record: SessionRecord, options: ImportOptions & { readonly now: number, readonly row: number }): Promise<'imported' | 'skipped'> {
  const { now, row } = options
  if (expiresAt(record) <= now) return 'skipped'
  if (options.dryRun === true) return 'imported'
  const { status } = await store.create(record, { at: now, limit: null, replaces: null, adopts: null })
  if (status === 'created') return 'imported'
  if (status === 'full') throw new SessionError('FST_SESSION_STORE_FULL')
  if (options.onConflict === 'refuse') throw new SessionError('FST_SESSION_INVALID_IMPORT', { values: [`row ${row} exists already`] })
  return 'skipped'
}

function toRow (record: SessionRecord, options: ExportOptions): Record<string, unknown> {
  const row: Record<string, unknown> = { ...record }
  if (options.backup !== true) for (const field of secretFields) Reflect.deleteProperty(row, field)
  if (options.data === false) delete row['data']
  else row['data'] = Object.fromEntries(Object.entries(record.data).map(([key, text]) => [key, decodeValue(text)]))
  return row
}

/** A row that can be no session; whoever reads rows may yield it for what is not even JSON. */
export class RowError extends Error {}

function fromRow (value: unknown, backup: boolean): SessionRecord {
  if (value instanceof RowError) throw value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RowError('expected an object')
  if ('reason' in value) throw new RowError('expected a live session; this one has ended')
  const row = { ...value } as Record<string, unknown>
  if (!backup) for (const field of secretFields) Reflect.deleteProperty(row, field)
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
