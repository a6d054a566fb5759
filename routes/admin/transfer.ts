import { Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import { parseQuery, invalidFilter } from '../../lib/admin/query.ts'
import { queryParts } from '../../lib/admin/search.ts'
import { oneWord, strictObject, toIso } from '../schemas.ts'
import type { TypeBoxInstance, TypeBoxTypeProvider } from '../typebox.ts'
import { writeConfig } from './context.ts'
import type { AdminContext } from './context.ts'
import { csvLine } from './csv.ts'
import { readRows } from './row-reader.ts'
import { filterQuery } from './schemas.ts'

type Format = 'ndjson' | 'json' | 'csv'
const ExportQuery = strictObject({
  ...filterQuery,
  format: Type.Optional(oneWord(['ndjson', 'json', 'csv'], {
    description: 'Default ndjson; csv is for spreadsheets, has no data, and cannot be imported'
  })),
  data: Type.Optional(Type.Boolean({ description: "With the users' data; default without" }))
})
const ImportQuery = strictObject({
  dryRun: Type.Optional(Type.Boolean({ description: 'Only check' })),
  onConflict: Type.Optional(oneWord(['skip', 'refuse'], { description: 'If a session exists: skip it (default), or refuse the import' }))
})
const Refused = strictObject({ row: Type.Integer({ description: 'From 1 on' }), why: Type.String() })
const Report = strictObject({
  rows: Type.Integer({ description: 'Number of rows; those that are neither imported nor skipped were refused' }),
  imported: Type.Integer(),
  skipped: Type.Integer({ description: 'Existed before, or had expired' }),
  refused: Type.Array(Refused, { description: 'The first hundred' })
})
const CleanedUp = strictObject({ expired: Type.Integer({ description: 'Number of expired sessions that ended' }) })
const Rows = {
  content: {
    'application/x-ndjson': { schema: Type.Unknown({ description: 'One session a line, as the export returns them' }) },
    'application/json': { schema: Type.Unknown({ description: 'An array of them' }) }
  }
}
const Table = { ...Rows.content, 'text/csv': { schema: Type.String({ description: 'A table with a header row' }) } }
const types = { ndjson: 'application/x-ndjson', json: 'application/json', csv: 'text/csv; charset=utf-8' } as const
/** The size of a chunk of the response, in characters. */
const chunkSize = 32 * 1024

/** Registers export, import and cleanup. Export and import are streams, which are never in memory as a whole. */
export function transferRoutes (app: TypeBoxInstance, admin: AdminContext): void {
  const { manager, search } = admin

  app.get('/export', {
    config: { ...writeConfig, rateLimit: { max: 10, timeWindow: '1 minute' } },
    exposeHeadRoute: false,
    schema: {
      operationId: 'adminExportSessions',
      summary: 'All sessions that match, as a stream',
      querystring: ExportQuery,
      response: { 200: { description: 'Rows', content: Table } }
    }
  }, async (request, reply) => {
    const { format = 'ndjson', data = false, ...input } = request.query
    if (format === 'csv' && data) throw invalidFilter('expected `data` with another format than csv')
    const query = parseQuery(input)
    search.check(query)
    const rows = concatRows(queryParts(query).map(part => manager.export({ ...part, data })))
    const chunks = toText(rows, format, count => { admin.report(request, 'export', count) })
    // an error before the first byte can still set the status
    const first = await chunks.next()
    reply.header('content-type', types[format]).header('x-content-type-options', 'nosniff')
    reply.header('content-disposition', `attachment; filename="sessions-${new Date(manager.now()).toISOString().slice(0, 10)}.${format}"`)
    return reply.send(Readable.from(withFirst(first, chunks), { objectMode: false }))
  })

  app.post('/cleanup', {
    config: writeConfig,
    schema: {
      operationId: 'adminCleanUpSessions',
      summary: 'End expired sessions and purge old history now',
      response: { 200: CleanedUp }
    }
  }, async request => {
    const expired = await manager.cleanup()
    admin.report(request, 'cleanup', expired)
    return { expired }
  })

  // separate parsers, so that the body stays a stream
  app.register(async function adminImport (own) {
    own.removeAllContentTypeParsers()
    for (const format of ['ndjson', 'json'] as const) {
      own.addContentTypeParser(types[format], (_request, payload, done) => {
        // an import that is rejected half-way must report it: the connection stays open
        done(null, readRows((payload as Readable).iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>, format))
      })
    }
    own.withTypeProvider<TypeBoxTypeProvider>().post('/import', {
      config: { ...writeConfig, rateLimit: { max: 10, timeWindow: '1 minute' } },
      schema: {
        operationId: 'adminImportSessions',
        summary: 'Create sessions from rows; they cannot authenticate',
        querystring: ImportQuery,
        body: Rows,
        response: { 200: Report }
      }
    }, async request => {
      const report = await manager.import(request.body as AsyncIterable<unknown>, request.query)
      if (request.query.dryRun !== true) admin.report(request, 'import', report.imported)
      return { ...report, refused: [...report.refused] }
    })
  })
}

/** The text around and between rows. */
interface RowFormat { readonly start: string, readonly between: string, readonly end: string, readonly write: (row: unknown) => string }

const columns = [
  'id', 'userId', 'createdAt', 'authenticatedAt', 'lastSeenAt', 'absoluteExpiresAt', 'endedAt', 'reason', 'by', 'requestCount',
  'remembered', 'methods', 'ip', 'userAgent',
  'firstIp', 'firstUserAgent', 'device.browser', 'device.version', 'device.os', 'device.type', 'deviceLabel', 'deviceName'
] as const
const forms: Readonly<Record<Format, RowFormat>> = {
  ndjson: { start: '', between: '\n', end: '\n', write: JSON.stringify },
  json: { start: '[', between: ',\n', end: ']\n', write: JSON.stringify },
  csv: {
    start: csvLine(columns), between: '', end: '',
    write: row => csvLine(columns.map(column => toCellValue(row as Record<string, unknown>, column)))
  }
}

function toCellValue (row: Readonly<Record<string, unknown>>, column: typeof columns[number]): unknown {
  const [name, part] = column.split('.') as [string, string | undefined]
  const value = part === undefined ? row[name] : (row[name] as Readonly<Record<string, unknown>>)[part]
  if (Array.isArray(value)) return value.join(' ')
  return name.endsWith('At') && typeof value === 'number' ? toIso(value) : value
}

async function * concatRows (parts: readonly AsyncIterable<unknown>[]): AsyncGenerator {
  for (const part of parts) yield * part
}

async function * toText (rows: AsyncIterable<unknown>, format: Format, done: (count: number) => void): AsyncGenerator<string> {
  const { start, between, end, write } = forms[format]
  let text = start
  let count = 0
  try {
    for await (const row of rows) {
      text += `${count++ === 0 ? '' : between}${write(row)}`
      if (text.length >= chunkSize) {
        yield text
        text = ''
      }
    }
    yield count === 0 && format === 'ndjson' ? '' : text + end
  } finally {
    // a client that disconnects has received the rows so far
    done(count)
  }
}

async function * withFirst (first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    if (first.done !== true) yield first.value
    yield * rest
  } finally {
    await rest.return(undefined)
  }
}
