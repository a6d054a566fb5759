/** What the manager must know of a request to validate its token. */
export interface RequestContext {
  /** The address of the client, already in the form that is stored. */
  readonly ip: string | null
  /** The raw user-agent header. */
  readonly userAgent: string | undefined
  /** The request counts, but does not extend the idle timeout (polling, prefetching). */
  readonly passive: boolean
  /** The verdict must be true at this moment: the store is read, not the cache. */
  readonly strict?: boolean
}
