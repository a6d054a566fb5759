/** A response that is an error, or no response (`status` 0). */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  /** Why the session ended. */
  readonly reason: string | null

  constructor (status: number, body: { readonly code?: string, readonly message?: string, readonly reason?: string }) {
    super(body.message ?? '')
    this.status = status
    this.code = body.code ?? ''
    this.reason = body.reason ?? null
  }
}

/** Sends a request. Throws `ApiError`. */
export async function call<T> (
  url: string,
  options: { readonly method?: 'GET' | 'POST' | 'PATCH'; readonly body?: unknown; readonly signal?: AbortSignal } = {}
): Promise<T> {
  const { method = 'GET', body, signal } = options
  try {
    const response = await fetch(url, {
      method,
      cache: 'no-store',
      credentials: 'same-origin',
      ...(signal === undefined ? {} : { signal }),
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (response.ok) return (await response.json()) as T
    throw new ApiError(response.status, (await response.json().catch(() => ({}))) as { code?: string; message?: string; reason?: string })
  } catch (error) {
    if (error instanceof ApiError || (error as Error).name === 'AbortError') throw error
    // no response, or an incomplete one
    throw new ApiError(0, {})
  }
}
