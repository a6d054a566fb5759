import { pagesOf } from '../async.ts'
import type { Command, CommandContext } from './command.ts'
import { filterOptions, toFilter } from './filter.ts'
import { sessionTable } from './inspect.ts'
import type { SessionRow } from './inspect.ts'
import { requestJson } from './target.ts'
import { CommandError, Progress, UsageError } from './terminal.ts'

interface Preview {
  readonly count: number
  readonly sample: readonly SessionRow[]
  readonly token: string
}

interface Revoked {
  readonly revoked: number
  readonly more: boolean
  readonly cursor: string | null
}

/** Revokes sessions: by id, or all that match a filter, after a preview. */
export const revokeCommand: Command = {
  name: 'revoke',
  usage: '<id…> | <filter> | --all  [--dry-run] [--yes]',
  summary: 'revoke sessions; a filter is previewed first',
  options: {
    ...filterOptions,
    all: { type: 'boolean', help: 'all live sessions, instead of a filter' },
    'dry-run': { type: 'boolean', help: 'only show what would be revoked' },
    yes: { type: 'boolean', short: 'y', help: 'do not ask for confirmation' }
  },
  positionals: [0, 1000],
  target: true,
  async run (run) {
    const { positionals, values } = run
    const filter = toFilter(values)
    const filtered = Object.keys(filter).length > 0
    if ([positionals.length > 0, filtered, values['all'] === true].filter(Boolean).length !== 1) {
      throw new UsageError('Specify session ids, a filter, or `--all`.')
    }
    return positionals.length > 0 ? byId(run) : byFilter(run, filter)
  }
}

async function byId ({ terminal, target, positionals, values, json }: CommandContext): Promise<number> {
  if (values['dry-run'] === true) throw new UsageError('`--dry-run` is for filters; look at a session with `show`.')
  const { revoked } = await requestJson<Revoked>(target, '/revoke', { method: 'POST', body: { ids: positionals } })
  terminal.out(json ? `${JSON.stringify({ revoked })}\n` : `${revoked} of ${positionals.length} revoked; the others were not live.\n`)
  return revoked > 0 ? 0 : 1
}

async function byFilter (
  { terminal, target, values, json }: CommandContext,
  filter: Readonly<Record<string, string | number | boolean>>
): Promise<number> {
  const body = { filter, ...values['all'] === true ? { all: true } : {} }
  const preview = await requestJson<Preview>(target, '/revoke', { method: 'POST', body: { ...body, dryRun: true } })
  if (values['dry-run'] === true) {
    const { token, ...shown } = preview
    terminal.out(json ? `${JSON.stringify(shown)}\n` : `${preview.count} would be revoked.\n${sessionTable(preview.sample)}`)
    return 0
  }
  if (preview.count > 0 && values['yes'] !== true) {
    const more = preview.count - preview.sample.length
    terminal.err(`${sessionTable(preview.sample)}${more > 0 ? `… and ${more} more\n` : ''}`)
    if (!terminal.interactive) throw new CommandError(`${preview.count} would be revoked. Confirm with \`--yes\`.`, 3)
    if (!/^y(es)?$/i.test((await terminal.ask(`Revoke ${preview.count} sessions on ${target.name}? [y/N] `)).trim())) {
      throw new CommandError('Nothing was revoked.', 3)
    }
  }
  const revoked = await drain({ terminal, target }, { ...body, token: preview.token }, preview.count)
  terminal.out(json ? `${JSON.stringify({ revoked })}\n` : `${revoked} revoked.\n`)
  return 0
}

/** Revokes until no match is left. After an interruption, the same command continues. */
async function drain ({ terminal, target }: Pick<CommandContext, 'terminal' | 'target'>, body: object, expected: number): Promise<number> {
  const progress = new Progress(terminal, 'Revoking', expected)
  let revoked = 0
  const next = (cursor: string | null): Promise<Revoked> =>
    requestJson(target, '/revoke', { method: 'POST', body: { ...body, ...cursor === null ? {} : { cursor } } })
  for await (const step of pagesOf(next)) {
    revoked += step.revoked
    progress.add(step.revoked)
  }
  progress.end()
  return revoked
}
