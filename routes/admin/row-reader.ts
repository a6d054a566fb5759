import { SessionError } from '../../lib/errors.ts'
import { RowError } from '../../lib/manager/transfer.ts'

/** The longest row, in bytes of JSON: 64 KiB of data may be escaped to six times that. */
const maxRow = 512 * 1024

const newline = 0x0a
const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const openers = new Set([0x5b, 0x7b])
const closers = new Set([0x5d, 0x7d])
const spaces = new Set([0x20, 0x09, 0x0a, 0x0d])

/**
 * Reads rows as NDJSON, one a line (empty lines are ignored), or as one JSON array. A row that is no JSON, or too long, is yielded as a
 * `RowError`; memory is bounded by the longest row.
 */
export function readRows (chunks: AsyncIterable<Buffer>, format: 'ndjson' | 'json'): AsyncGenerator {
  return format === 'ndjson' ? readLines(chunks) : readArray(chunks)
}

/** The received bytes of one row. */
class RowBuffer {
  #parts: Buffer[] = []
  #length = 0

  add (bytes: Buffer): void {
    this.#length += bytes.length
    if (this.#length <= maxRow) this.#parts.push(bytes)
    else this.#parts = []
  }

  /** Returns the value and starts a new row; `undefined` for an empty one. */
  flush (): unknown {
    const text = this.#length <= maxRow ? Buffer.concat(this.#parts).toString().trim() : null
    this.#parts = []
    this.#length = 0
    if (text === null) return new RowError(`expected at most ${maxRow} bytes`)
    try {
      return text === '' ? undefined : JSON.parse(text) as unknown
    } catch {
      return new RowError('expected JSON')
    }
  }
}

async function * readLines (chunks: AsyncIterable<Buffer>): AsyncGenerator {
  const row = new RowBuffer()
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      row.add(chunk.subarray(start, end))
      start = end + 1
      const value = row.flush()
      if (value !== undefined) yield value
    }
    row.add(chunk.subarray(start))
  }
  const value = row.flush()
  if (value !== undefined) yield value
}

async function * readArray (chunks: AsyncIterable<Buffer>): AsyncGenerator {
  const row = new RowBuffer()
  let depth = 0
  let text: 'no' | 'yes' | 'escape' = 'no'
  let closed = false
  let any = false
  for await (const chunk of chunks) {
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number
      if (text !== 'no') {
        text = text === 'escape' ? 'yes' : byte === backslash ? 'escape' : byte === quote ? 'no' : 'yes'
      } else if (depth === 0) {
        if (spaces.has(byte)) continue
        if (closed || byte !== 0x5b) throw notAnArray()
        depth = 1
        start = i + 1
      } else if (byte === quote) {
        text = 'yes'
      } else if (openers.has(byte)) {
        depth++
      } else if (depth === 1 && (byte === comma || closers.has(byte))) {
        row.add(chunk.subarray(start, i))
        start = i + 1
        const value = row.flush()
        if (value !== undefined) yield value
        else if (any || byte === comma) yield new RowError('expected JSON')
        any = true
        if (byte !== comma) { depth = 0; closed = true }
      } else if (closers.has(byte)) {
        depth--
      }
    }
    if (depth > 0) row.add(chunk.subarray(start))
  }
  if (!closed) throw notAnArray()
}

function notAnArray (): SessionError {
  return new SessionError('FST_SESSION_INVALID_IMPORT', { values: ['expected one whole JSON array'] })
}
