import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { Command } from './command.ts'
import { demoCommand } from './demo.ts'
import { doctorCommand } from './doctor.ts'
import { inspectCommands } from './inspect.ts'
import type { CommandOptions } from './option.ts'
import { revokeCommand } from './revoke.ts'
import { secretCommand } from './secret.ts'
import { openTarget, targetOptions } from './target.ts'
import type { Target } from './target.ts'
import { CommandError, UsageError } from './terminal.ts'
import type { Terminal } from './terminal.ts'
import { transferCommands } from './transfer.ts'

/** All commands. A test compares docs/reference/command-line.md with them. */
export const commands: readonly Command[] = [
  ...inspectCommands,
  revokeCommand,
  ...transferCommands,
  doctorCommand,
  secretCommand,
  demoCommand
]

const commonOptions = {
  json: { type: 'boolean', help: 'print JSON' },
  help: { type: 'boolean', short: 'h', help: 'print this help' }
} as const satisfies CommandOptions

const name = 'fastify-session-manager'

/**
 * Runs one command line. Resolves to the exit code: 0 success, 1 failure, 2 wrong usage, 3 confirmation required, 130 interrupted.
 */
export async function main (args: readonly string[], terminal: Terminal): Promise<number> {
  const [word, ...rest] = args
  if (word === undefined || word === 'help' || word === '--help' || word === '-h') {
    terminal.out(help())
    return word === undefined ? 2 : 0
  }
  if (word === '--version') {
    terminal.out(`${await version()}\n`)
    return 0
  }
  try {
    const command = commands.find(({ name }) => name === word)
    if (command === undefined) throw new UsageError(`There is no command \`${word}\`.`)
    return await start(command, rest, terminal)
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`${error.message}\n\`${name} help\` lists the commands.\n`)
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
  const [least, most] = command.positionals
  if (positionals.length < least || positionals.length > most) throw new UsageError(`Expected: ${name} ${command.name} ${command.usage}`)
  const target = command.target ? await openTarget(values, terminal) : null
  try {
    return await command.run({ terminal, values, positionals, json, target: target as Target })
  } finally {
    await target?.close()
  }
}

function parse (
  command: Command,
  args: readonly string[]
): { readonly values: Readonly<Record<string, unknown>>, readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: optionsOf(command) })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function help (): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const rows = commands.map(({ name, usage, summary }) => {
    const row = `  ${name.padEnd(width)}  ${summary}`
    return usage === '' ? row : `${row}\n  ${''.padEnd(width)}    ${usage}`
  })
  return `Usage: ${name} <command> [options]

${rows.join('\n')}

Sessions to work on:
  --store file:sessions.db | redis://… | postgres://…   sessions in a store (or SESSION_STORE)
  --url https://app.example --header "authorization: …" sessions of a running app, by its admin routes (or SESSION_URL)
  --prefix, --cookie-name, --history, --history-per-user, --encrypted-fields: as in the app

--json prints JSON. \`${name} <command> --help\` explains each option of a command. --version prints the version.
`
}

function optionsOf (command: Command): CommandOptions {
  return { ...command.options, ...command.target ? targetOptions : {}, ...commonOptions }
}

function helpOf (command: Command): string {
  const rows = Object.entries(optionsOf(command)).map(([option, { short, value, help }]): [string, string] => [
    `${short === undefined ? '' : `-${short}, `}--${option}${value === undefined ? '' : ` ${value}`}`, help
  ])
  const width = Math.max(...rows.map(([usage]) => usage.length))
  const lines = rows.map(([usage, help]) => `  ${usage.padEnd(width)}  ${help}\n`)
  return `Usage: ${name} ${command.name} ${command.usage}\n\n${command.summary}\n\nOptions:\n${lines.join('')}`
}

async function version (): Promise<string> {
  const file = new URL(import.meta.resolve('fastify-session-manager/package.json'))
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string }
  return version
}
