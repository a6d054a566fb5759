import { randomInt } from 'node:crypto'
import { Timer } from '../../async.ts'
import type { EndedSession } from '../../model/record.ts'
import type { StoreListener, StoreWatch } from '../../store.ts'
import type { Database } from './database.ts'
import type { Row } from './driver.ts'

/** So many entries stay for whoever is slow. */
const kept = 4096
const cropEvery = 256
const batch = 500

/**
 * Ends and changes, for the other processes of the machine. Entries are written by the very transaction that makes them true, and are
 * numbered without gaps: whoever finds one missing knows that it was too slow.
 */
export class Journal {
  readonly #database: Database
  /** Names the entries of this store, which need not be told to itself. */
  readonly #source = randomInt(2 ** 47)
  #written = 0

  constructor (database: Database) {
    this.#database = database
  }

  /** Inside a transaction. */
  ended (session: EndedSession, at: number): void {
    this.#tell(session.id, JSON.stringify(session), at)
  }

  /** Inside a transaction. */
  changed (id: string, at: number): void {
    this.#tell(id, null, at)
  }

  /** Tells a listener what others write from now on, looking every so many milliseconds (a look costs 5 µs). */
  watch (listener: StoreListener, every: number): StoreWatch {
    const { news, told } = this.#database.sql
    let last = Number(told.get()?.[0])
    const look = (): void => {
      for (let rows = news.all(last, batch); rows.length > 0; rows = news.all(last, batch)) {
        for (const row of rows) {
          const seq = Number(row[0])
          if (seq !== last + 1 || row[2] === '') listener.lost()
          else if (Number(row[1]) !== this.#source) hear(row, listener)
          last = seq
        }
      }
    }
    const timer = new Timer(async () => {
      // entries wait, so that nothing is missed once the file can be read again
      try { look() } catch { listener.lost() }
    }, { delay: () => every }).start()
    return {
      async probe () { look() },
      close: () => timer.stop()
    }
  }

  #tell (id: string, ended: string | null, at: number): void {
    const { tell, crop } = this.#database.sql
    tell.run(this.#source, at, id, ended)
    if (this.#written++ % cropEvery === 0) crop.run(kept)
  }
}

function hear ([, , id, ended]: Row, listener: StoreListener): void {
  if (ended === null) listener.changed(id as string)
  else listener.ended(JSON.parse(ended as string) as EndedSession)
}
