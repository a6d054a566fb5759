import { Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { parseQuery, refuseFilter } from '../../lib/admin/query.ts'
import { partsOf } from '../../lib/admin/search.ts'
import { closed } from '../schemas.ts'
import { withTypeBox } from '../typebox.ts'
import { acting, errors } from './context.ts'
import type { Admin } from './context.ts'
import { csvLine } from './csv.ts'
import { readRows } from './row-reader.ts'
import { filterQuery } from './schemas.ts'

type Format = 'ndjson' | 'json' | 'csv'
const ExportQuery = closed({
  ...filterQuery,
  format: Type.Optional(Type.Unsafe<Format>(Type.String({ enum: ['ndjson', 'json', 'csv'], pattern: '^(ndjson|json|csv)$', description: 'Default ndjson; csv is for spreadsheets, has no data, and cannot be imported' }))),
  data: Type.Optional(Type.Boolean({ description: "With the users' data; default without" }))
})
const ImportQuery = closed({
  dryRun: Type.Optional(Type.Boolean({ description: 'Only check' })),
  onConflict: Type.Optional(Type.Unsafe<'skip' | 'refuse'>(Type.String({ enum: ['skip', 'refuse'], pattern: '^(skip|refuse)$', description: 'Where a session exists: leave it (default), or refuse the rest' })))
})
const Report = closed({
  rows: Type.Integer({ description: 'How many there were; those that are neither imported nor skipped were refused' }),
  imported: Type.Integer(),
  skipped: Type.Integer({ description: 'Existed before, or had expired' }),
  refused: Type.Array(closed({ row: Type.Integer({ description: 'From 1 on' }), why: Type.String() }), { description: 'The first hundred' })
})
const Swept = closed({ ended: Type.Integer({ description: 'How many expired sessions ended' }) })
const Rows = { content: { 'application/x-ndjson': { schema: Type.Unknown({ description: 'One session a line, as the export gives them' }) }, 'application/json': { schema: Type.Unknown({ description: 'An array of them' }) } } }
const Table = { ...Rows.content, 'text/csv': { schema: Type.String({ description: 'A table with a head' }) } }
const types = { ndjson: 'application/x-ndjson', json: 'application/json', csv: 'text/csv; charset=utf-8' } as const
/** A chunk of the answer, in characters. */
const chunkSize = 32 * 1024

/** Sessions leave and come in as streams; neither ever opens one. */
export function transferRoutes (scope: FastifyInstance, admin: Admin): void {
  const { common, manager, oversight } = admin

  withTypeBox(scope).get('/export', {
    config: { ...acting, rateLimit: { max: 10, timeWindow: '1 minute' } },
    exposeHeadRoute: false,
    schema: { ...common, operationId: 'adminExportSessions', summary: 'All sessions that match, as a stream', querystring: ExportQuery, response: { 200: { description: 'Rows', content: Table }, ...errors } }
  }, async (request, reply) => {
    const { format = 'ndjson', data = false, ...input } = request.query
    if (format === 'csv' && data) throw refuseFilter('expected `data` with another format than csv')
    const query = parseQuery(input)
    oversight.check(query)
    const rows = manyRows(partsOf(query).map(part => manager.export({ ...part, data })))
    const chunks = toText(rows, format, count => { admin.tell(request, 'export', count) })
    // what fails before the first byte can still be said with a status
    const first = await chunks.next()
    reply.header('content-type', types[format]).header('x-content-type-options', 'nosniff')
    reply.header('content-disposition', `attachment; filename="sessions-${new Date(manager.now()).toISOString().slice(0, 10)}.${format}"`)
    return reply.send(Readable.from(resumed(first, chunks), { objectMode: false }))
  })

  withTypeBox(scope).post('/sweep', {
    config: acting,
    schema: { ...common, operationId: 'adminSweepSessions', summary: 'End what has expired and purge old history, now', response: { 200: Swept, ...errors } }
  }, async request => {
    const ended = await manager.sweep()
    admin.tell(request, 'sweep', ended)
    return { ended }
  })

  // parsers of its own: the body is a stream that nobody gathers
  scope.register(async function adminImport (own) {
    own.removeAllContentTypeParsers()
    for (const format of ['ndjson', 'json'] as const) {
      own.addContentTypeParser(types[format], (_request, payload, done) => {
        // an import that is refused half-way still wants to say so: the connection stays
        done(null, readRows((payload as Readable).iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>, format))
      })
    }
    withTypeBox(own).post('/import', {
      config: { ...acting, rateLimit: { max: 10, timeWindow: '1 minute' } },
      schema: { ...common, operationId: 'adminImportSessions', summary: 'Create sessions from rows; nobody can open them', querystring: ImportQuery, body: Rows, response: { 200: Report, ...errors } }
    }, async request => {
      const report = await manager.import(request.body as AsyncIterable<unknown>, request.query)
      if (request.query.dryRun !== true) admin.tell(request, 'import', report.imported)
      return { ...report, refused: [...report.refused] }
    })
  })
}

/** How rows are written one after the other. */
interface Form { readonly start: string, readonly between: string, readonly end: string, readonly write: (row: unknown) => string }

const columns = ['id', 'userId', 'createdAt', 'authenticatedAt', 'lastSeenAt', 'absoluteAt', 'endedAt', 'reason', 'by', 'requests', 'remembered', 'methods', 'ip', 'agent', 'firstIp', 'firstAgent', 'device', 'name'] as const
const forms: Readonly<Record<Format, Form>> = {
  ndjson: { start: '', between: '\n', end: '\n', write: JSON.stringify },
  json: { start: '[', between: ',\n', end: ']\n', write: JSON.stringify },
  csv: {
    start: csvLine(columns), between: '', end: '',
    write: row => csvLine(columns.map(column => {
      const value = (row as Readonly<Record<string, unknown>>)[column]
      return column.endsWith('At') && typeof value === 'number' ? new Date(value).toISOString() : value
    }))
  }
}

async function * manyRows (parts: readonly AsyncIterable<unknown>[]): AsyncGenerator {
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
    // a client that goes away has seen what it has seen
    done(count)
  }
}

async function * resumed (first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    if (first.done !== true) yield first.value
    yield * rest
  } finally {
    await rest.return(undefined)
  }
}
