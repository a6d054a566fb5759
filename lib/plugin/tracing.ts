import { checkNames, invalidOption, namesOf } from '../options.ts'

/** The part of a span that is used. */
interface Span { setAttribute (name: string, value: string): unknown }

/** The part of `@opentelemetry/api` that is used. */
export interface OpenTelemetryApi {
  readonly trace: { getActiveSpan (): Span | undefined }
}

/** How spans are annotated. */
export interface OpenTelemetryOptions {
  readonly api: OpenTelemetryApi
  /** Also sets `enduser.id`, so that traces contain the user id. Default false. */
  readonly user?: boolean
}

const names = namesOf<OpenTelemetryOptions>({ api: true, user: true })

/** Sets the attributes of the session on the span of a request. */
export type SpanAnnotator = (request: object, session: { readonly id: string, readonly userId: string | null }) => void

/**
 * Returns a function that annotates spans, by the semantic conventions: with `session.id`, the public id, which cannot authenticate, and
 * optionally with `enduser.id`. Throws `FST_SESSION_INVALID_OPTION`.
 */
export function createSpanAnnotator (option: OpenTelemetryApi | OpenTelemetryOptions): SpanAnnotator {
  if ('api' in option) checkNames(option, 'otel', names)
  const { api, user = false } = 'api' in option ? option : { api: option }
  const isApi = typeof (api as Partial<OpenTelemetryApi> | undefined)?.trace?.getActiveSpan === 'function'
  if (!isApi || typeof user !== 'boolean') throw invalidOption('otel', '`@opentelemetry/api`, or { api, user }')
  return (request, { id, userId }) => {
    // @fastify/otel has a span for the request; the active span is that of the hook
    const { opentelemetry } = request as { readonly opentelemetry?: () => { readonly span?: Span | null } }
    const span = opentelemetry?.call(request).span ?? api.trace.getActiveSpan()
    span?.setAttribute('session.id', id)
    if (user && userId !== null) span?.setAttribute('enduser.id', userId)
  }
}
