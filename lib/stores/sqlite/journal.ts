import { randomInt } from 'node:crypto'
import { Timer } from '../../async.ts'
import type { EndedSession } from '../../model/record.ts'
import type { StoreListener, StoreSubscription } from '../../store.ts'
import type { Database } from './database.ts'
import type { Row } from './driver.ts'

/** Maximum number of entries that are kept for slow processes. */
const maxChanges = 4096
const trimEvery = 256
const batch = 500

/**
 * Ended and changed sessions, for the other processes of the machine. The transaction that makes the change writes the entry. Entries are
 * numbered without gaps: a process that finds one missing was too slow.
 */
export class Journal {
  readonly #database: Database
  /** Marks the entries of this store, which does not notify itself of them. */
  readonly #source = randomInt(2 ** 47)
  #written = 0

  constructor (database: Database) {
    this.#database = database
  }

  /** Records an end, inside a transaction. */
  ended (session: EndedSession, at: number): void {
    this.#write(session.id, JSON.stringify(session), at)
  }

  /** Records a change, inside a transaction. */
  changed (id: string, at: number): void {
    this.#write(id, null, at)
  }

  /** Notifies a listener of new entries of other processes. Polls each `every` milliseconds (a poll takes 5 µs). */
  subscribe (listener: StoreListener, every: number): StoreSubscription {
    const { changesAfter, lastChange } = this.#database.sql
    let last = Number(lastChange.get()?.[0])
    const poll = (): void => {
      for (let rows = changesAfter.all(last, batch); rows.length > 0; rows = changesAfter.all(last, batch)) {
        for (const row of rows) {
          const seq = Number(row[0])
          if (seq !== last + 1 || row[2] === '') listener.lost()
          else if (Number(row[1]) !== this.#source) notify(row, listener)
          last = seq
        }
      }
    }
    const timer = new Timer(async () => {
      // entries are kept, so that no entry is missed when the file can be read again
      try { poll() } catch { listener.lost() }
    }, { delay: () => every }).start()
    return {
      async probe () { poll() },
      close: () => timer.stop()
    }
  }

  #write (id: string, ended: string | null, at: number): void {
    const { insertChange, trimChanges } = this.#database.sql
    insertChange.run(this.#source, at, id, ended)
    if (this.#written++ % trimEvery === 0) trimChanges.run(maxChanges)
  }
}

function notify ([, , id, ended]: Row, listener: StoreListener): void {
  if (ended === null) listener.changed(id as string)
  else listener.ended(JSON.parse(ended as string) as EndedSession)
}
