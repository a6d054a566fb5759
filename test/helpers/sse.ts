import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'

export interface SseMessage { readonly id?: string, readonly event?: string, readonly data: Record<string, unknown> }

/** A client of one event stream. */
export class SseClient {
  readonly response: IncomingMessage
  readonly #request: ClientRequest
  /** Resolves when the stream is over, however. */
  readonly closed: Promise<void>
  beats = 0
  #text = ''
  readonly #messages: SseMessage[] = []
  #waiting: (() => void) | null = null

  private constructor (request: ClientRequest, response: IncomingMessage) {
    this.#request = request
    this.response = response
    this.closed = new Promise(resolve => { response.on('close', resolve) })
    response.on('error', () => {})
    response.setEncoding('utf8').on('data', (text: string) => { this.#add(text) })
    response.on('close', () => { this.#waiting?.() })
  }

  static open (url: string, headers: Record<string, string>): Promise<SseClient> {
    return new Promise((resolve, reject) => {
      const opening = request(url, { headers }, response => { resolve(new SseClient(opening, response)) })
      opening.on('error', reject).end()
    })
  }

  /** The next message; throws if the stream is over. */
  async next (): Promise<SseMessage> {
    while (this.#messages.length === 0) {
      if (this.response.closed) throw new Error('the stream is over')
      await new Promise<void>(resolve => { this.#waiting = resolve })
    }
    return this.#messages.shift() as SseMessage
  }

  /** Resolves after so many signs of life. */
  async beaten (count: number): Promise<void> {
    while (this.beats < count) await new Promise<void>(resolve => { this.#waiting = resolve })
  }

  pause (): void { this.response.pause() }
  leave (): void { this.#request.destroy() }

  #add (text: string): void {
    const blocks = (this.#text + text).split('\n\n')
    this.#text = blocks.pop() ?? ''
    for (const block of blocks) {
      if (block.startsWith(':')) { this.beats++; continue }
      const fields = Object.fromEntries(block.split('\n').map(line => line.split(/: (.*)/s).slice(0, 2)))
      this.#messages.push({ ...fields, data: JSON.parse(fields['data'] as string) } as SseMessage)
    }
    this.#waiting?.()
  }
}
