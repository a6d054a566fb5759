import { refuse } from '../options.ts'

/** A span, as far as it is used. */
interface Span { setAttribute (name: string, value: string): unknown }

/** `@opentelemetry/api`, as far as it is used. */
export interface OpenTelemetryApi {
  readonly trace: { getActiveSpan (): Span | undefined }
}

/** Names sessions on spans. */
export interface OpenTelemetryOptions {
  readonly api: OpenTelemetryApi
  /** Also sets `enduser.id`: who the user is leaves with the trace. Default false. */
  readonly user?: boolean
}

/** Names the session on the span of a request. */
export type SpanMarker = (request: object, session: { readonly id: string, readonly userId: string | null }) => void

/**
 * Makes what names sessions on spans, by the semantic conventions: `session.id` is the public id, which opens nothing; `enduser.id` only
 * where asked for. Throws `FST_SESSION_INVALID_OPTION`.
 */
export function toSpanMarker (option: OpenTelemetryApi | OpenTelemetryOptions): SpanMarker {
  const { api, user = false } = 'api' in option ? option : { api: option }
  if (typeof (api as Partial<OpenTelemetryApi> | undefined)?.trace?.getActiveSpan !== 'function' || typeof user !== 'boolean') throw refuse('otel', '`@opentelemetry/api`, or { api, user }')
  return (request, { id, userId }) => {
    // @fastify/otel has a span for the request; the active one would be the hook's
    const { opentelemetry } = request as { readonly opentelemetry?: () => { readonly span?: Span | null } }
    const span = opentelemetry?.call(request).span ?? api.trace.getActiveSpan()
    span?.setAttribute('session.id', id)
    if (user && userId !== null) span?.setAttribute('enduser.id', userId)
  }
}
