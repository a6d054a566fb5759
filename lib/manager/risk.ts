import type { SessionRecord } from '../model/record.ts'

/** What a request has that its session had not. */
export interface Difference {
  readonly ip?: string | null
  readonly agent?: string | null
}

const remembered = 10_000

/** Tells once of each place from which a session was used and which it was not given: it stays different for every request, and must not flood a log. */
export class Strangers {
  readonly #tell: (record: SessionRecord, difference: Difference) => void
  readonly #told = new Map<string, string>()

  constructor (tell: (record: SessionRecord, difference: Difference) => void) {
    this.#tell = tell
  }

  add (record: SessionRecord, ip: string | null, agent: string | null): void {
    const place = `${ip ?? ''} ${agent ?? ''}`
    if (this.#told.get(record.id) === place) return
    if (this.#told.size >= remembered) this.#told.clear()
    this.#told.set(record.id, place)
    this.#tell(record, { ...ip === record.ip ? {} : { ip }, ...agent === record.agent ? {} : { agent } })
  }
}
