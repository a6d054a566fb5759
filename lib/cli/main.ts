import { parseArgs } from 'node:util'
import type { Command } from './command.ts'
import { demoCommand } from './demo.ts'
import { doctorCommand } from './doctor.ts'
import { lookCommands } from './inspect.ts'
import { revokeCommand } from './revoke.ts'
import { secretCommand } from './secret.ts'
import { openTarget } from './target.ts'
import type { Target } from './target.ts'
import { CommandError, UsageError } from './terminal.ts'
import type { Terminal } from './terminal.ts'
import { transferCommands } from './transfer.ts'

/** Everything the command line does; docs/reference/command-line.md is checked against it. */
export const commands: readonly Command[] = [...lookCommands, revokeCommand, ...transferCommands, doctorCommand, secretCommand, demoCommand]

const targetOptions = {
  store: { type: 'string' },
  url: { type: 'string' },
  header: { type: 'string', multiple: true },
  prefix: { type: 'string' },
  name: { type: 'string' },
  history: { type: 'string' },
  encrypted: { type: 'string', multiple: true }
} as const

const name = 'fastify-session-manager'

/**
 * Runs one command line. Answers the exit code: 0 it worked, 1 it did not, 2 it was not understood, 3 it wants a confirmation, 130 it was
 * interrupted.
 */
export async function main (args: readonly string[], terminal: Terminal): Promise<number> {
  const [word, ...rest] = args
  if (word === undefined || word === 'help' || word === '--help' || word === '-h') {
    terminal.out(help())
    return word === undefined ? 2 : 0
  }
  try {
    const command = commands.find(({ name }) => name === word)
    if (command === undefined) throw new UsageError(`There is no command \`${word}\`.`)
    return await start(command, rest, terminal)
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`${error.message}\n\`${name} help\` lists what there is.\n`)
      return 2
    }
    if (terminal.signal.aborted && !(error instanceof CommandError)) return 130
    terminal.err(`${(error as Error).message}\n`)
    return error instanceof CommandError ? error.exitCode : 1
  }
}

async function start (command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parse(command, args)
  const json = values['json'] === true
  if (values['help'] === true) {
    terminal.out(helpOf(command))
    return 0
  }
  const [least, most] = command.words
  if (positionals.length < least || positionals.length > most) throw new UsageError(`Expected: ${name} ${command.name} ${command.usage}`)
  const target = command.target ? await openTarget(values, terminal) : null
  try {
    return await command.run({ terminal, values, positionals, json, target: target as Target })
  } finally {
    await target?.close()
  }
}

function parse (command: Command, args: readonly string[]): { readonly values: Readonly<Record<string, unknown>>, readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { ...command.target ? targetOptions : {}, ...command.options, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function help (): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return `Usage: ${name} <command> [options]

${commands.map(({ name, usage, summary }) => `  ${name.padEnd(width)}  ${summary}${usage === '' ? '' : `\n  ${''.padEnd(width)}    ${usage}`}`).join('\n')}

Which sessions:
  --store file:sessions.db | redis://… | postgres://…   those in a store (or SESSION_STORE)
  --url https://app.example --header "authorization: …" those of a running app, by its admin routes (or SESSION_URL)
  --prefix, --name, --history, --encrypted ip,agent     as the app has them, where it has not the defaults

--json answers in JSON, --help says more of one command.
`
}

function helpOf (command: Command): string {
  const options = Object.keys({ ...command.target ? targetOptions : {}, ...command.options, json: {} })
  return `Usage: ${name} ${command.name} ${command.usage}\n\n${command.summary}\n\nOptions: ${options.map(option => `--${option}`).join(', ')}\n`
}
