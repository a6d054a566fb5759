/** An option as `parseArgs` of node:util accepts it, with its line in the help. */
export interface CommandOption {
  readonly type: 'string' | 'boolean'
  readonly multiple?: boolean
  readonly short?: string
  /** The value in the help: `<id>`. */
  readonly value?: string
  readonly help: string
}

export type CommandOptions = Readonly<Record<string, CommandOption>>
