/** The input and output of a command line: of a process, or of a test. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly input: AsyncIterable<Buffer>
  /** Whether a user watches and can confirm. */
  readonly interactive: boolean
  /** Asks for one line. */
  readonly ask: (question: string) => Promise<string>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts the running command. */
  readonly signal: AbortSignal
}

/** An invalid command line: exit code 2. */
export class UsageError extends Error {}

/** A valid command that failed: exit code 1, or another. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor (message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Returns rows as a table with a heading. Control characters never reach the terminal. */
export function table (heading: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const cells = [heading, ...rows.map(row => row.map(cell => cell === null ? '–' : clean(String(cell))))]
  const widths = heading.map((_, column) => Math.max(...cells.map(row => String(row[column]).length)))
  return cells.map(row => `${row.map((cell, column) => cell.padEnd(Number(widths[column]))).join('  ').trimEnd()}\n`).join('')
}

/** Returns a text without control characters, which could move a terminal's cursor. */
export function clean (text: string): string {
  return Array.from(text, char => char < ' ' || (char >= '\x7f' && char < '\xa0') ? '�' : char).join('')
}

/** Shows the progress of long work, if a user watches. */
export class Progress {
  readonly #terminal: Terminal
  readonly #label: string
  readonly #total: number | null
  #done = 0
  #shown = -1

  constructor (terminal: Terminal, label: string, total: number | null) {
    this.#terminal = terminal
    this.#label = label
    this.#total = total
  }

  add (count: number): void {
    this.#done += count
    const share = this.#total === null || this.#total === 0 ? null : Math.min(1, this.#done / this.#total)
    // at most a hundred steps if the total is known, otherwise one per thousand
    const step = share === null ? Math.floor(this.#done / 1000) : Math.floor(share * 100)
    if (!this.#terminal.interactive || step === this.#shown) return
    this.#shown = step
    const bar = share === null ? '' : `${'█'.repeat(Math.round(share * 24)).padEnd(24, '░')} ${step} % `
    this.#terminal.err(`\r${this.#label} ${bar}${this.#done}`)
  }

  end (): void {
    if (this.#shown !== -1) this.#terminal.err('\n')
  }
}
