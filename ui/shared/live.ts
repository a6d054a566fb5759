import { ApiError, call } from './api.ts'
import { openStream } from './stream.ts'

/** The state of the own session, on this browser's clock. */
export type OwnSession =
  | { readonly state: 'live', readonly near: boolean, readonly endsAt: number, readonly extendable: boolean }
  | { readonly state: 'ended', readonly reason: string | null }

/** A message from one tab to the others. */
type TabMessage = { readonly own: OwnSession } | { readonly devices: true } | { readonly hello: true }

/** Seconds left on the server's clock. */
interface Current { readonly idleLeft: number, readonly absoluteLeft: number }

/** The largest difference between two responses about one deadline, in milliseconds. */
const slack = 2500
/** The longest delay of a timer. */
const longest = 2 ** 31 - 1

export interface LiveOptions {
  readonly onOwn: (own: OwnSession) => void
  /** Another session of the user began or ended. */
  readonly onDevices: () => void
}

/** The actions of a tab on its session. */
export interface Following {
  /** Resets the idle timeout, and notifies all tabs. Throws `ApiError`. */
  extend (): Promise<void>
  stop (): void
}

/**
 * Follows the own session. One tab of the browser opens the stream and notifies the others: browsers allow few connections (six a host with
 * HTTP/1.1), and all tabs show the same. If that tab closes, another takes over.
 *
 * @param api path of the user routes
 */
export function followSession (api: string, { onOwn, onDevices }: LiveOptions): Following {
  const name = `fastify-session-manager ${new URL(api, document.baseURI).pathname}`
  const channel = new BroadcastChannel(name)
  const leaving = new AbortController()
  let last: OwnSession | null = null
  let leads = false
  let stopStream = (): void => {}

  let timer = 0
  function know (own: OwnSession): void {
    const over = last?.state === 'ended'
    // a later response no longer has the reason
    if (over && own.state === 'ended') return
    last = own
    if (over) join()
    window.clearTimeout(timer)
    // the stream reports the end; if it does not, the page asks
    if (own.state === 'live') timer = window.setTimeout(() => { void wake() }, Math.min(own.endsAt - Date.now() + slack, longest))
    onOwn(own)
  }

  function broadcast (message: TabMessage): void {
    if ('own' in message) know(message.own)
    if ('devices' in message) onDevices()
    channel.postMessage(message)
  }

  channel.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
    if ('hello' in data && leads && last !== null) channel.postMessage({ own: last } satisfies TabMessage)
    if ('own' in data) know(data.own)
    if ('devices' in data) onDevices()
  })

  function lead (): Promise<void> {
    if (last?.state === 'ended') return Promise.resolve()
    leads = true
    return new Promise(resolve => {
      const close = openStream(`${api}/events`, {
        types: ['session', 'expiring', 'ended', 'devices'],
        onLive: () => {},
        onRefused: async () => {
          const own = await askSession(api)
          if (own?.state === 'ended') broadcast({ own })
          return own?.state !== 'ended'
        },
        onMessage: ({ type, data }) => {
          if (type === 'devices') broadcast({ devices: true })
          else if (type === 'ended') broadcast({ own: { state: 'ended', reason: (data as { reason: string | null }).reason } })
          else broadcast({ own: toOwn(data as Current, type === 'expiring') })
          if (type === 'ended') stopStream()
        }
      })
      stopStream = () => { close(); leads = false; resolve() }
    })
  }

  function join (): void {
    // without locks (plain http away from localhost) each tab has a stream of its own
    if ('locks' in navigator) navigator.locks.request(name, { signal: leaving.signal }, lead).catch(() => {})
    else void lead()
  }
  join()
  channel.postMessage({ hello: true } satisfies TabMessage)

  // a tab that was suspended may have missed any event
  async function wake (): Promise<void> {
    if (document.visibilityState !== 'visible') return
    const own = await askSession(api)
    if (own !== null) { know(own.state === 'live' && last?.state === 'live' && last.near && own.endsAt < last.endsAt + slack ? { ...own, near: true } : own) }
    onDevices()
  }
  const look = (): void => { void wake() }
  document.addEventListener('visibilitychange', look)
  return {
    async extend () { broadcast({ own: toOwn(await call<Current>(`${api}/refresh`, { method: 'POST', body: {} })) }) },
    stop () {
      document.removeEventListener('visibilitychange', look)
      leaving.abort()
      window.clearTimeout(timer)
      stopStream()
      channel.close()
    }
  }
}

/** Requests the own session; returns `null` if its state is unknown. The request does not extend it. */
async function askSession (api: string): Promise<OwnSession | null> {
  try {
    return toOwn(await call<Current>(`${api}/current`))
  } catch (error) {
    return error instanceof ApiError && error.status === 401 ? { state: 'ended', reason: error.reason } : null
  }
}

function toOwn ({ idleLeft, absoluteLeft }: Current, near = false): OwnSession {
  return { state: 'live', near, endsAt: Date.now() + idleLeft * 1000, extendable: idleLeft < absoluteLeft }
}
