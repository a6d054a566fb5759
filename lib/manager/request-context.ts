/** The properties of a request that a validation uses. */
export interface RequestContext {
  /** The address of the client, already in the form that is stored. */
  readonly ip: string | null
  /** The raw user-agent header. */
  readonly userAgent: string | undefined
  /** The request counts, but does not extend the idle timeout (polling, prefetching). */
  readonly passive: boolean
  /** Reads the store, not the cache, so that the verdict is current. */
  readonly strict?: boolean
}
