import { yieldToEventLoop } from '../../async.ts'
import { compileFilter } from '../../model/filter.ts'
import type { Filter } from '../../model/filter.ts'
import { expiresAt, noData } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { EndResult, EndSelector, EndCause, Page, PageOptions } from '../../store.ts'
import { scanIndex } from './index-scan.ts'
import { toEndedSession, toRecord } from './rows.ts'
import type { Sessions } from './sessions.ts'

/** Maximum number of rows that one step reads: 1,000 take 4 to 10 ms, as long as 50 ends. */
const maxScanned = 1000
/** An end takes about 80 µs, and blocks the event loop. */
export const endsAtOnce = 50
/** Milliseconds for which batches follow each other: many ends wait for the disk together, well within the timeout of an operation. */
const endsFor = 100

type Selector = Extract<EndSelector, { readonly filter: Filter }>

/** Returns a page of live sessions that match. */
export function listSessions (sessions: Sessions, filter: Filter, { limit, cursor, order }: PageOptions): Page<SessionRecord> {
  const matches = liveMatcher(sessions, filter)
  const items: SessionRecord[] = []
  const next = scanIndex(sessions.database, { list: 'live', filter, order }, { cursor, limit, maxScanned }, row => {
    const record = matches(toRecord(row, noData)) ? sessions.withData(row) : null
    if (record !== null) items.push(record)
    return record !== null
  })
  return { items, cursor: next }
}

/** Returns a page of ended sessions that match. */
export function listHistory (sessions: Sessions, filter: Filter, { limit, cursor, order }: PageOptions): Page<EndedSession> {
  const matches = compileFilter(filter)
  const items: EndedSession[] = []
  const next = scanIndex(sessions.database, { list: 'history', filter, order }, { cursor, limit, maxScanned }, row => {
    const session = toEndedSession(row)
    if (!matches(session)) return false
    items.push(session)
    return true
  })
  return { items, cursor: next }
}

/** Returns the number of matches within one step. */
export function countSessions (sessions: Sessions, filter: Filter, cursor: string | null): { count: number, cursor: string | null } {
  const matches = liveMatcher(sessions, filter)
  let count = 0
  const next = scanIndex(sessions.database, { list: 'count', filter, order: 'oldest' }, { cursor, limit: Infinity, maxScanned }, row => {
    if (!matches(toRecord(row, noData))) return false
    count++
    return true
  })
  return { count, cursor: next }
}

/**
 * Ends the sessions that match, batch by batch, until `limit` have ended, all rows were read, or `endsFor` has passed. Each batch is one
 * transaction, and requests run in between. If a batch fails, the results of earlier batches stay.
 */
export async function endMatching (sessions: Sessions, selector: Selector, why: EndCause, isOpen: () => boolean): Promise<EndResult> {
  const { filter, limit } = selector
  const until = performance.now() + endsFor
  const ended: EndedSession[] = []
  let { cursor } = selector
  do {
    try {
      const left = { filter, limit: limit - ended.length, cursor }
      const batch = sessions.database.write(() => endBatch(sessions, left, why))
      ended.push(...batch.ended)
      cursor = batch.cursor
    } catch (error) {
      if (ended.length === 0) throw error
      break
    }
    await yieldToEventLoop()
  } while (cursor !== null && ended.length < limit && performance.now() < until && isOpen())
  return { ended, cursor }
}

/** Ends one batch, inside a transaction. */
function endBatch (sessions: Sessions, selector: Selector, why: EndCause): EndResult {
  const { filter, cursor } = selector
  const matches = liveMatcher(sessions, filter)
  const found: SessionRecord[] = []
  const limit = Math.min(selector.limit, endsAtOnce)
  const next = scanIndex(sessions.database, { list: 'end', filter, order: 'oldest' }, { cursor, limit, maxScanned }, row => {
    const record = toRecord(row, noData)
    if (!matches(record)) return false
    found.push(record)
    return true
  })
  const now = sessions.now()
  return { ended: found.map(record => sessions.endRecord(record, why, now)), cursor: next }
}

function liveMatcher (sessions: Sessions, filter: Filter): (record: SessionRecord) => boolean {
  const matches = compileFilter(filter)
  const now = sessions.now()
  return record => now < expiresAt(record) && matches(record)
}
