import type { Command, Run } from './command.ts'
import { filterOptions, toFilter } from './filter.ts'
import { sessionTable } from './inspect.ts'
import type { SessionRow } from './inspect.ts'
import { ask } from './target.ts'
import { CommandError, Progress, UsageError } from './terminal.ts'

interface Preview {
  readonly count: number
  readonly sample: readonly SessionRow[]
  readonly token: string
}

interface Done {
  readonly processed: number
  readonly more: boolean
  readonly cursor: string | null
}

/** Ends sessions: those that are named, or all that match, after a look at them. */
export const revokeCommand: Command = {
  name: 'revoke',
  usage: '<id…> | <filter> | --everything  [--dry-run] [--yes]',
  summary: 'end sessions; a filter is previewed first',
  options: { ...filterOptions, everything: { type: 'boolean' }, 'dry-run': { type: 'boolean' }, yes: { type: 'boolean', short: 'y' } },
  words: [0, 1000],
  target: true,
  async run (run) {
    const { positionals, values } = run
    const filter = toFilter(values)
    const filtered = Object.keys(filter).length > 0
    if ([positionals.length > 0, filtered, values['everything'] === true].filter(Boolean).length !== 1) throw new UsageError('Which sessions? Name ids, or a filter, or `--everything`.')
    return positionals.length > 0 ? byId(run) : byFilter(run, filter)
  }
}

async function byId ({ terminal, target, positionals, values, json }: Run): Promise<number> {
  if (values['dry-run'] === true) throw new UsageError('`--dry-run` is for filters; look at a session with `show`.')
  const { processed } = await ask<Done>(target, '/revoke', { method: 'POST', body: { ids: positionals } })
  terminal.out(json ? `${JSON.stringify({ processed })}\n` : `${processed} of ${positionals.length} ended; the others were not live.\n`)
  return processed > 0 ? 0 : 1
}

async function byFilter ({ terminal, target, values, json }: Run, filter: Readonly<Record<string, string | number | boolean>>): Promise<number> {
  const body = { filter, ...values['everything'] === true ? { all: true } : {} }
  const preview = await ask<Preview>(target, '/revoke', { method: 'POST', body: { ...body, dryRun: true } })
  if (values['dry-run'] === true) {
    const { token, ...shown } = preview
    terminal.out(json ? `${JSON.stringify(shown)}\n` : `${preview.count} would end.\n${sessionTable(preview.sample)}`)
    return 0
  }
  if (preview.count > 0 && values['yes'] !== true) {
    terminal.err(`${sessionTable(preview.sample)}${preview.count > preview.sample.length ? `… and ${preview.count - preview.sample.length} more\n` : ''}`)
    if (!terminal.interactive) throw new CommandError(`${preview.count} would end. Say \`--yes\` to end them.`, 3)
    if (!/^y(es)?$/i.test((await terminal.ask(`End ${preview.count} sessions on ${target.name}? [y/N] `)).trim())) throw new CommandError('Nothing was ended.', 3)
  }
  const processed = await drain({ terminal, target }, { ...body, token: preview.token }, preview.count)
  terminal.out(json ? `${JSON.stringify({ processed })}\n` : `${processed} ended.\n`)
  return 0
}

/** Goes on until nothing is left; what is interrupted goes on with the same command again. */
async function drain ({ terminal, target }: Pick<Run, 'terminal' | 'target'>, body: object, expected: number): Promise<number> {
  const progress = new Progress(terminal, 'Ending', expected)
  let processed = 0
  let cursor: string | null = null
  do {
    const done: Done = await ask(target, '/revoke', { method: 'POST', body: { ...body, ...cursor === null ? {} : { cursor } } })
    processed += done.processed
    progress.add(done.processed)
    cursor = done.cursor
  } while (cursor !== null)
  progress.end()
  return processed
}
