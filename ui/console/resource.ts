import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, call } from '../shared/api.ts'

/** The result of a request. The last successful response stays while the next is in flight, or fails. */
export interface Resource<T> {
  /** The URL that the data belongs to; a request for another one may be in flight. */
  readonly url: string | null
  readonly data: T | null
  readonly error: ApiError | null
  /** When the data arrived, on this browser's clock. */
  readonly at: number
  readonly loading: boolean
  readonly reload: () => void
}

/**
 * Requests a URL; again if it or `again` changes, on demand, and each `every` milliseconds while the page is visible. `null`: no request.
 */
export function useResource <T> (url: string | null, { every = 0, again = 0 }: { readonly every?: number, readonly again?: number } = {}): Resource<T> {
  const [state, setState] = useState<{
    readonly url: string | null
    readonly data: T | null
    readonly error: ApiError | null
    readonly at: number
    readonly loading: boolean
  }>({ url: null, data: null, error: null, at: 0, loading: true })
  const [count, setCount] = useState(0)
  const reload = (): void => { setCount(count => count + 1) }
  const latestReload = useRef(reload)
  latestReload.current = reload

  useEffect(() => {
    if (url === null) return undefined
    const controller = new AbortController()
    setState(state => ({ ...state, loading: true }))
    call<T>(url, { signal: controller.signal }).then(data => {
      setState({ url, data, error: null, at: Date.now(), loading: false })
    }, (error: unknown) => {
      if (controller.signal.aborted) return
      setState(state => ({ ...state, url, data: state.url === url ? state.data : null, error: error as ApiError, loading: false }))
    })
    return () => { controller.abort() }
  }, [url, count, again])

  useEffect(() => {
    if (every === 0) return undefined
    const refresh = (): void => { if (document.visibilityState === 'visible') latestReload.current() }
    const timer = window.setInterval(refresh, every)
    document.addEventListener('visibilitychange', refresh)
    return () => { window.clearInterval(timer); document.removeEventListener('visibilitychange', refresh) }
  }, [every])

  return { ...state, reload }
}
