import { pagesOf, yieldToEventLoop } from '../async.ts'
import type { Awaitable } from '../async.ts'
import { SessionError } from '../errors.ts'
import { decodeValue, encodeData } from '../model/data.ts'
import type { Filter } from '../model/filter.ts'
import { expiresAt, hasEnded, namedMethods } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { deviceLabel, toDevice, toDeviceText, unknownDevice } from '../model/device.ts'
import type { Device } from '../model/device.ts'
import { toUserId } from '../model/user-id.ts'
import type { Page, PageOptions, Store } from '../store.ts'
import { hashVerifier, isId, newVerifier, shardOf, shardOfId } from '../token/token.ts'

/** Selects the sessions and fields to export. */
export interface ExportOptions {
  readonly filter?: Filter
  /** `ended` exports the records of ended sessions, which cannot be imported. Default `live`. */
  readonly state?: 'live' | 'ended'
  /** Includes the users' data. Default false. */
  readonly data?: boolean
  /**
   * Includes the hash of each token, so that sessions can authenticate again after an import. Neither the hash nor the secret yields a
   * cookie, but protect a backup like a database. Default false.
   */
  readonly backup?: boolean
}

/** How to import rows. */
export interface ImportOptions {
  /** Reaction to a row whose id exists: skip it (default), or reject the import. */
  readonly onConflict?: 'skip' | 'refuse'
  /** Checks the rows, and creates nothing. */
  readonly dryRun?: boolean
  /**
   * Imports the hashes of a backup, so that its sessions can authenticate again. Only for rows that no one else could change: an attacker
   * who can write a hash can assign a session to another user. Default false: hashes are ignored.
   */
  readonly backup?: boolean
}

/** The result of an import. */
export interface ImportReport {
  /** Number of rows. Those that are neither imported nor skipped were refused. */
  readonly rows: number
  readonly imported: number
  /** Sessions that existed before, or had expired. */
  readonly skipped: number
  /** The first hundred rows that are no sessions, numbered from 1, with the reason. */
  readonly refused: readonly { readonly row: number, readonly why: string }[]
}

const secretFields = ['hash', 'previousHash', 'generation', 'rotatedAt', 'confirmedAt'] as const
/** The end of the year 9999: later timestamps cannot be written as text, however little a store shifts them. */
const maxTimestamp = 253_402_300_799_999
const pageSize = 500
/** How many rows are written to the store at a time. */
const batchSize = 64

/** Yields sessions in bounded memory, oldest first: live ones by `(createdAt, id)`, ended ones by `(endedAt, id)`. */
export async function * exportSessions (store: Store, options: ExportOptions): AsyncGenerator<Record<string, unknown>> {
  const { filter = {}, state = 'live' } = options
  const next = (cursor: string | null): Awaitable<Page<SessionRecord | EndedSession>> => {
    const page: PageOptions = { limit: pageSize, cursor, order: 'oldest' }
    return state === 'live' ? store.list(filter, page) : store.history(filter, page)
  }
  for await (const page of pagesOf(next)) {
    for (const session of page.items) yield hasEnded(session) ? toEndedRow(session) : toRow(session, options)
  }
}

/** Creates sessions from exported rows. Rows that are no sessions are reported, never repaired. */
export async function importSessions (
  store: Store, rows: AsyncIterable<unknown> | Iterable<unknown>, options: ImportOptions & ImportContext
): Promise<ImportReport> {
  const report = { rows: 0, imported: 0, skipped: 0, refused: [] as { row: number, why: string }[] }
  let batch: Promise<RowResult>[] = []
  const settle = async (): Promise<void> => {
    // all of them, so that no rejection stays unhandled when another one comes first
    for (const result of await Promise.allSettled(batch)) {
      if (result.status === 'rejected') throw result.reason
      report[result.value]++
    }
    batch = []
    await yieldToEventLoop()
  }
  for await (const value of rows) {
    report.rows++
    try {
      const row = importRow(store, fromRow(value, options.backup === true), { ...options, row: report.rows })
      // it may reject while the next rows are being read, long before the batch is awaited
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

type RowResult = 'imported' | 'skipped'
type RowOptions = ImportOptions & ImportContext & { readonly row: number }

/** The parts of a manager that an import uses. */
export interface ImportContext {
  /** The time of the store's clock: an import may take hours. */
  readonly now: () => number
  /** Receives sessions that the store ended to make room. */
  readonly onEnded: (sessions: readonly EndedSession[]) => void
}

async function importRow (store: Store, record: SessionRecord, options: RowOptions): Promise<RowResult> {
  const { row } = options
  const now = options.now()
  if (expiresAt(record) <= now) return 'skipped'
  if (options.dryRun === true) return 'imported'
  const created = await store.create(record, { at: now, limit: null, replaces: null, adopts: null })
  if (created.status === 'created') {
    options.onEnded(created.ended)
    return 'imported'
  }
  const { status } = created
  if (status === 'full') throw new SessionError('FST_SESSION_STORE_FULL')
  if (options.onConflict === 'refuse') throw new SessionError('FST_SESSION_INVALID_IMPORT', { values: [`row ${row} exists already`] })
  return 'skipped'
}

function toRow (record: SessionRecord, options: ExportOptions): Record<string, unknown> {
  const row: Record<string, unknown> = { ...record, deviceLabel: deviceLabel(record.device) }
  if (options.backup !== true) for (const field of secretFields) Reflect.deleteProperty(row, field)
  if (options.data !== true) delete row['data']
  else row['data'] = Object.fromEntries(Object.entries(record.data).map(([key, text]) => [key, decodeValue(text)]))
  return row
}

function toEndedRow (session: EndedSession): Record<string, unknown> {
  return { ...session, deviceLabel: deviceLabel(session.device) }
}

/** A row that is no session. A source of rows may yield it for text that is not JSON. */
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
  const createdAt = timestamp(row, 'createdAt')
  return {
    id,
    userId,
    // without a backup's hash the session is listed, but no token can authenticate it
    hash: row['hash'] === undefined ? hashVerifier(newVerifier()) : hashText(row['hash']),
    previousHash: row['previousHash'] === undefined || row['previousHash'] === null ? null : hashText(row['previousHash']),
    generation: integer(row['generation'] ?? 0, 'generation', 0xffff),
    rotatedAt: row['rotatedAt'] === undefined ? createdAt : timestamp(row, 'rotatedAt'),
    confirmedAt: row['confirmedAt'] === undefined || row['confirmedAt'] === null ? null : timestamp(row, 'confirmedAt'),
    createdAt,
    authenticatedAt: row['authenticatedAt'] === null ? null : timestamp(row, 'authenticatedAt'),
    methods: readMethods(row['methods']),
    lastSeenAt: timestamp(row, 'lastSeenAt'),
    idleTimeout: integer(row['idleTimeout'], 'idleTimeout', 3650 * 86_400_000),
    absoluteExpiresAt: timestamp(row, 'absoluteExpiresAt'),
    requestCount: integer(row['requestCount'], 'requestCount', Number.MAX_SAFE_INTEGER),
    remembered: row['remembered'] === true,
    ip: nullableText(row, 'ip', 64),
    userAgent: nullableText(row, 'userAgent', 512),
    firstIp: nullableText(row, 'firstIp', 64),
    firstUserAgent: nullableText(row, 'firstUserAgent', 512),
    device: readDevice(row['device']),
    deviceName: nullableText(row, 'deviceName', 256),
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

function readMethods (value: unknown): readonly string[] {
  const isMethod = (method: unknown): boolean => typeof method === 'string' && !method.includes(' ')
  if (!Array.isArray(value) || !value.every(isMethod)) throw new RowError('expected `methods` to be a list of words')
  return namedMethods(value as string[])
}

function readDevice (value: unknown): Device {
  if (value === undefined || value === null) return unknownDevice
  const wrong = new RowError('expected `device` to be an object of browser, version, os and type')
  if (typeof value !== 'object') throw wrong
  const part = (name: keyof Device): string | null => {
    const found = (value as Partial<Record<keyof Device, unknown>>)[name] ?? null
    // the stored text joins the parts with `|`
    if (found !== null && (typeof found !== 'string' || found.length > 64 || found.includes('|'))) throw wrong
    return found
  }
  return toDevice(toDeviceText({ browser: part('browser'), version: part('version'), os: part('os'), type: part('type') }))
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
  if (value === null || (typeof value === 'string' && value.length <= max)) return value
  throw new RowError(`expected \`${field}\` to be a string or null`)
}

function hashText (value: unknown): string {
  if (typeof value !== 'string' || !/^[\w-]{43}$/.test(value)) throw new RowError('expected a hash to be 43 base64url characters')
  return value
}

function timestamp (row: Record<string, unknown>, field: string): number {
  return integer(row[field], field, maxTimestamp)
}

function integer (value: unknown, field: string, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max) return value as number
  throw new RowError(`expected \`${field}\` to be a whole number from 0 to ${max}`)
}
