import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, truncate } from 'node:fs/promises'
import type { Command, CommandContext } from './command.ts'
import { filterOptions, toFilter, toQuery } from './filter.ts'
import { requestJson } from './target.ts'
import { CommandError, Progress, table, UsageError } from './terminal.ts'

interface Report {
  readonly rows: number
  readonly imported: number
  readonly skipped: number
  readonly refused: readonly { readonly row: number, readonly why: string }[]
}

/** The commands for export and import as NDJSON, and for cleanup. */
export const transferCommands: readonly Command[] = [
  {
    name: 'export',
    usage: '[file|-] [filter] [--data] [--resume]',
    summary: 'sessions as NDJSON; the rows cannot authenticate',
    options: {
      ...filterOptions,
      data: { type: 'boolean', help: "with the users' data" },
      resume: { type: 'boolean', help: 'continue an interrupted export to the same file' }
    },
    positionals: [0, 1],
    target: true,
    run: exportSessions
  },
  {
    name: 'import',
    usage: '<file|-> [--dry-run] [--on-conflict skip|refuse]',
    summary: 'import sessions from NDJSON; idempotent: existing sessions are skipped',
    options: {
      'dry-run': { type: 'boolean', help: 'only check the rows' },
      'on-conflict': { type: 'string', value: 'skip|refuse', help: 'where a session exists: skip the row (default), or stop' }
    },
    positionals: [1, 1],
    target: true,
    async run ({ terminal, target, positionals: [file = '-'], values, json }) {
      const progress = new Progress(terminal, 'Importing', null)
      const query = toQuery({}, {
        dryRun: values['dry-run'] as boolean | undefined,
        onConflict: values['on-conflict'] as string | undefined
      })
      const source = file === '-' ? terminal.input : createReadStream(file) as AsyncIterable<Buffer>
      const report = await requestJson<Report>(target, '/import', { method: 'POST', query, rows: counted(source, progress) })
      progress.end()
      const { rows, imported, skipped, refused } = report
      terminal.out(json
        ? `${JSON.stringify(report)}\n`
        : `${rows} rows: ${imported} imported, ${skipped} skipped, ${rows - imported - skipped} refused.\n`)
      if (!json && refused.length > 0) terminal.err(table(['ROW', 'WHY'], refused.map(({ row, why }) => [row, why])))
      return refused.length > 0 ? 1 : 0
    }
  },
  {
    name: 'cleanup',
    usage: '[--history 30d]',
    summary: 'end expired sessions and delete old history, now',
    options: {},
    positionals: [0, 0],
    target: true,
    async run ({ terminal, target, json }) {
      const { expired } = await requestJson<{ expired: number }>(target, '/cleanup', { method: 'POST', body: {} })
      terminal.out(json ? `${JSON.stringify({ expired })}\n` : `${expired} expired sessions ended.\n`)
      return 0
    }
  }
]

async function exportSessions ({ terminal, target, positionals: [file = '-'], values }: CommandContext): Promise<number> {
  const filter = toFilter(values)
  if (values['resume'] === true && file === '-') throw new UsageError('`--resume` requires a file.')
  const place = values['resume'] === true ? await resumePoint(file) : { seen: new Set<string>() }
  const rest = { ...filter, ...place.createdAt === undefined ? {} : { createdAfter: place.createdAt } }
  const query = toQuery(rest, { data: values['data'] as boolean | undefined })
  const { count } = await requestJson<{ count: number }>(target, '/count', { query: toQuery(rest) })
  const progress = new Progress(terminal, 'Exporting', count)
  const write = file === '-'
    ? async (line: string | null) => { if (line !== null) terminal.out(line) }
    : fileWriter(file, values['resume'] === true)
  try {
    for await (const line of lines(await target.stream('/export', { query }))) {
      if (line === '' || place.seen.has((JSON.parse(line) as { id: string }).id)) continue
      await write(`${line}\n`)
      progress.add(1)
    }
  } catch (error) {
    if (!terminal.signal.aborted || file === '-') throw error
    throw new CommandError(`Interrupted. Continue with: export ${file} --resume`, 130)
  } finally {
    await write(null)
    progress.end()
  }
  return 0
}

/** Writes lines to a file; `null` closes it. */
function fileWriter (file: string, append: boolean): (line: string | null) => Promise<void> {
  const stream = createWriteStream(file, { flags: append ? 'a' : 'w', mode: 0o600 })
  return async line => {
    if (line === null) {
      stream.end()
      await once(stream, 'close')
    } else if (!stream.write(line)) {
      await once(stream, 'drain')
    }
  }
}

/**
 * Returns where an export stopped: the timestamp of its last complete row, and the ids with that timestamp. An incomplete last row is cut
 * off.
 */
async function resumePoint (file: string): Promise<{ readonly createdAt?: number, readonly seen: Set<string> }> {
  let place: { createdAt?: number, seen: Set<string> } = { seen: new Set() }
  let whole = 0
  let length = 0
  for await (const line of lines(createReadStream(file))) {
    length += Buffer.byteLength(line) + 1
    const row = rowOf(line)
    if (row === null) break
    whole = length
    if (row.createdAt !== place.createdAt) place = { createdAt: row.createdAt, seen: new Set() }
    place.seen.add(row.id)
  }
  const handle = await open(file)
  const { size } = await handle.stat()
  await handle.close()
  if (whole < size) await truncate(file, whole)
  return place
}

function rowOf (line: string): { readonly id: string, readonly createdAt: number } | null {
  try {
    return JSON.parse(line) as { id: string, createdAt: number }
  } catch {
    return null
  }
}

async function * lines (chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of chunks) {
    text += decoder.decode(chunk as Buffer, { stream: true })
    const whole = text.split('\n')
    text = whole.pop() as string
    yield * whole
  }
  if (text !== '') yield text
}

async function * counted (chunks: AsyncIterable<Buffer>, progress: Progress): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    progress.add(chunk.filter(byte => byte === 0x0a).length)
    yield chunk
  }
}
