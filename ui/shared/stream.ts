/** One message of a stream. */
export interface StreamMessage {
  readonly type: string
  readonly id: string
  readonly data: unknown
}

export interface StreamOptions {
  /** Named events to receive, besides the unnamed. */
  readonly types: readonly string[]
  readonly onMessage: (message: StreamMessage) => void
  /** Whether the stream is connected. */
  readonly onLive: (live: boolean) => void
  /** The server refused the stream; it is tried again later unless this resolves to false. */
  readonly onRefused: () => Promise<boolean>
}

const firstDelay = 2000
const longestDelay = 60_000

/**
 * Opens a stream of server-sent events. The browser reconnects by itself unless the server responds with an error. Then this function
 * reconnects, after longer and longer delays. Returns a function that stops it.
 */
export function openStream (url: string, options: StreamOptions): () => void {
  let source: EventSource | null = null
  let timer = 0
  let delay = firstDelay
  let stopped = false

  function hear (event: MessageEvent<string>): void {
    options.onMessage({ type: event.type, id: event.lastEventId, data: JSON.parse(event.data) as unknown })
  }

  function open (): void {
    source = new EventSource(url)
    for (const type of ['message', ...options.types]) source.addEventListener(type, hear as EventListener)
    source.addEventListener('open', () => { delay = firstDelay; options.onLive(true) })
    source.addEventListener('error', () => {
      options.onLive(false)
      if (source?.readyState === EventSource.CLOSED) void refused()
    })
  }

  async function refused (): Promise<void> {
    source?.close()
    if (!await options.onRefused() || isStopped()) return
    timer = window.setTimeout(open, delay)
    delay = Math.min(delay * 2, longestDelay)
  }

  const isStopped = (): boolean => stopped
  open()
  return () => {
    stopped = true
    source?.close()
    window.clearTimeout(timer)
  }
}
