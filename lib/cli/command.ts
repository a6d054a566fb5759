import type { CommandOptions } from './option.ts'
import type { Target } from './target.ts'
import type { Terminal } from './terminal.ts'

/** The context of a running command. */
export interface CommandContext {
  readonly terminal: Terminal
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
  /** Opened only for commands that need it. */
  readonly target: Target
  /** `--json` */
  readonly json: boolean
}

/** One command of the command line. */
export interface Command {
  readonly name: string
  /** Shown after the name in the help: `<id…>`. */
  readonly usage: string
  readonly summary: string
  readonly options: CommandOptions
  /** The minimum and maximum number of arguments besides options. */
  readonly positionals: readonly [number, number]
  /** Whether it works on sessions, and so requires `--store` or `--url`. */
  readonly target: boolean
  /** Resolves to the exit code. */
  readonly run: (run: CommandContext) => Promise<number>
}
