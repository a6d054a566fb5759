import process from 'node:process'
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { openFile, Query } from './driver.ts'
import type { Driver } from './driver.ts'

/** The data of a worker. */
export interface Task {
  readonly file: string
  /** The library that has opened the file: two libraries do not see each other's locks. */
  readonly driver: Driver
}

/** `pass`: copy what can be copied without waiting for readers or writers. `close`: do so for the last time. */
export type Order = 'pass' | 'close'

/**
 * Makes a checkpoint for each order that it receives, on a connection of its own, until the order `close`. Replies to each with the number
 * of pages that the log has. If the checkpoint failed, the reply is -1, and the next one tries again.
 *
 * Threads may share a file because they share the library: SQLite keeps the locks of all connections of a process in one place
 * (https://www.sqlite.org/howtocorrupt.html, section 2.2), and both `node:sqlite` and `libsql` are compiled with THREADSAFE=1 and loaded
 * once a process, `libsql` by dlopen of the same file. Both were seen to refuse a write in one thread while the other had the lock, and
 * to keep the main thread's locks when the worker's connection closed.
 */
export async function serve (port: MessagePort, { file, driver }: Task): Promise<void> {
  const handle = await openFile(file, [driver])
  handle.exec('PRAGMA synchronous = normal')
  // the mode that takes no lock of a writer; if all of the log was copied, the next writer starts it from the beginning
  const pass = new Query(handle.prepare('PRAGMA wal_checkpoint(PASSIVE)'))
  port.on('message', (order: Order) => {
    port.postMessage(attempt(pass))
    if (order === 'pass') return
    handle.close()
    port.close()
  })
}

function attempt (pass: Query): number {
  try {
    return Number(pass.get()?.[1])
  } catch {
    // a full disk, an I/O error: the log still has everything
    return -1
  }
}

if (parentPort !== null) {
  // the main thread has already warned that SQLite is experimental
  process.removeAllListeners('warning')
  await serve(parentPort, workerData as Task)
}
