import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { Timer } from '../lib/async.ts'

/** A client that lets so many bytes pile up is dropped; it may come back and ask for what it missed. */
const maxBuffered = 256 * 1024

/** One message. `data` becomes JSON. */
export interface Message {
  readonly id?: string
  /** Absent: the default, `message`. */
  readonly event?: string
  readonly data: unknown
}

/** One client that listens: server-sent events (HTML Living Standard §9.2). */
export class EventStream {
  readonly #raw: ServerResponse
  readonly #onBeat: () => void | Promise<void>
  #leave: (() => void)[] = []

  constructor (raw: ServerResponse, options: { readonly onBeat: () => void | Promise<void> }) {
    this.#raw = raw
    this.#onBeat = options.onBeat
    raw.on('close', () => { this.#left() })
    // what fails to be written is a client that has gone
    raw.on('error', () => { this.#left() })
  }

  /** What to do when the client has gone, or at once if it has. */
  onLeave (leave: () => void): void {
    if (this.#raw.destroyed || this.#raw.writableEnded) leave()
    else this.#leave.push(leave)
  }

  send ({ id, event, data }: Message): void {
    this.#write(`${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`)
  }

  /** Shows both sides that the other is there, and looks whether the client may go on. */
  async beat (): Promise<void> {
    this.#write(':\n\n')
    try {
      await this.#onBeat()
    } catch {
      this.close()
    }
  }

  close (): void {
    this.#left()
    this.#raw.end()
  }

  #write (text: string): void {
    if (this.#raw.writableEnded || this.#raw.destroyed) return
    this.#raw.write(text)
    if (this.#raw.writableLength > maxBuffered) this.#raw.destroy()
  }

  #left (): void {
    const leave = this.#leave
    this.#leave = []
    for (const each of leave) each()
  }
}

/** All streams of this process: they beat together, and close with it. */
export class EventStreams {
  readonly #open = new Set<EventStream>()
  readonly #timer: Timer

  /** `heartbeat`: milliseconds. */
  constructor (heartbeat: number) {
    this.#timer = new Timer(async () => { await Promise.all([...this.#open].map(stream => stream.beat())) }, { delay: () => heartbeat }).start()
  }

  /** Takes the reply over. `onBeat` rejects to end the stream. */
  open (reply: FastifyReply, options: { readonly onBeat?: () => void | Promise<void> } = {}): EventStream {
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, { ...reply.getHeaders() as Record<string, string | string[]>, 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' })
    const stream = new EventStream(raw, { onBeat: options.onBeat ?? (() => {}) })
    this.#open.add(stream)
    stream.onLeave(() => { this.#open.delete(stream) })
    return stream
  }

  async close (): Promise<void> {
    for (const stream of this.#open) stream.close()
    await this.#timer.stop()
  }
}
