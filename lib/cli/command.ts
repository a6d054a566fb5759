import type { ParseArgsConfig } from 'node:util'
import type { Target } from './target.ts'
import type { Terminal } from './terminal.ts'

/** What a command works with. */
export interface Run {
  readonly terminal: Terminal
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
  /** Opened only for commands that want one. */
  readonly target: Target
  /** `--json` */
  readonly json: boolean
}

/** One thing that the command line does. */
export interface Command {
  readonly name: string
  /** After the name, in the help: `<id…>`. */
  readonly usage: string
  readonly summary: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  /** How many words it takes besides options: at least, at most. */
  readonly words: readonly [number, number]
  /** Works on sessions: wants `--store` or `--url`. */
  readonly target: boolean
  /** Answers the exit code. */
  readonly run: (run: Run) => Promise<number>
}
