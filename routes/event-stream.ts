import type { ServerResponse } from 'node:http'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { Timer } from '../lib/async.ts'

/** The reply of a stream, for the OpenAPI document. */
export const EventsReply = { description: 'Events', content: { 'text/event-stream': { schema: Type.String() } } }

/** The buffered bytes at which a slow client is dropped; it may reconnect and request the missed events. */
const maxBuffered = 256 * 1024

/** One message. `data` becomes JSON. */
export interface Message {
  readonly id?: string
  /** Absent: the default, `message`. */
  readonly event?: string
  readonly data: unknown
}

/** A stream of server-sent events to one client (HTML Living Standard §9.2). */
export class EventStream {
  readonly #raw: ServerResponse
  readonly #onBeat: () => void | Promise<void>
  #leave: (() => void)[] = []
  #checking = false

  constructor (raw: ServerResponse, options: { readonly onBeat: () => void | Promise<void> }) {
    this.#raw = raw
    this.#onBeat = options.onBeat
    raw.on('close', () => { this.#closed() })
    // a write fails if the client has disconnected
    raw.on('error', () => { this.#closed() })
  }

  /** Registers a function that runs when the client has disconnected, or at once if it already has. */
  onClose (leave: () => void): void {
    if (this.#raw.destroyed || this.#raw.writableEnded) leave()
    else this.#leave.push(leave)
  }

  send ({ id, event, data }: Message): void {
    const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`
    this.#write(`${head}data: ${JSON.stringify(data)}\n\n`)
  }

  /**
   * Sends a heartbeat, and checks whether the client may continue. If the check fails, or takes until the next heartbeat, the stream
   * closes.
   */
  async heartbeat (): Promise<void> {
    if (this.#checking) { this.close(); return }
    this.#write(':\n\n')
    this.#checking = true
    try {
      await this.#onBeat()
      this.#checking = false
    } catch {
      this.close()
    }
  }

  close (): void {
    this.#closed()
    this.#raw.end()
  }

  #write (text: string): void {
    if (this.#raw.writableEnded || this.#raw.destroyed) return
    this.#raw.write(text)
    if (this.#raw.writableLength > maxBuffered) this.#raw.destroy()
  }

  #closed (): void {
    const leave = this.#leave
    this.#leave = []
    for (const each of leave) each()
  }
}

/** All streams of this process. They have one timer for their heartbeats, and close with the app. */
export class EventStreams {
  readonly #open = new Set<EventStream>()
  readonly #timer: Timer

  /** `heartbeat`: milliseconds. */
  constructor (heartbeat: number) {
    // not awaited: a check that hangs must stop neither other streams nor the shutdown of the app
    this.#timer = new Timer(async () => { for (const stream of this.#open) void stream.heartbeat() }, { delay: () => heartbeat }).start()
  }

  /** Turns the reply into a stream. `onBeat` rejects to end the stream. */
  open (reply: FastifyReply, options: { readonly onBeat?: () => void | Promise<void> } = {}): EventStream {
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, {
      ...reply.getHeaders() as Record<string, string | string[]>,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no'
    })
    const stream = new EventStream(raw, { onBeat: options.onBeat ?? (() => {}) })
    this.#open.add(stream)
    stream.onClose(() => { this.#open.delete(stream) })
    return stream
  }

  async close (): Promise<void> {
    for (const stream of this.#open) stream.close()
    await this.#timer.stop()
  }
}
