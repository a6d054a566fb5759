/** Where a command line reads and writes: a process has one, a test another. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly input: AsyncIterable<Buffer>
  /** Somebody is watching, who can be asked. */
  readonly interactive: boolean
  /** Asks for one line. */
  readonly ask: (question: string) => Promise<string>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Ends what is under way. */
  readonly signal: AbortSignal
}

/** What a person typed cannot be run: exit code 2. */
export class UsageError extends Error {}

/** It was understood, and did not work: exit code 1, or another. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor (message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Rows in columns as wide as they need, with a heading. Control characters never reach the terminal. */
export function table (heading: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const cells = [heading, ...rows.map(row => row.map(cell => cell === null ? '–' : clean(String(cell))))]
  const widths = heading.map((_, column) => Math.max(...cells.map(row => String(row[column]).length)))
  return cells.map(row => `${row.map((cell, column) => cell.padEnd(Number(widths[column]))).join('  ').trimEnd()}\n`).join('')
}

/** A text without what could move a terminal's cursor. */
export function clean (text: string): string {
  return Array.from(text, char => char < ' ' || (char >= '\x7f' && char < '\xa0') ? '�' : char).join('')
}

/** A line that tells how far long work is; only where somebody watches. */
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
    // a hundred steps at most where the end is known, one each thousand where it is not
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
