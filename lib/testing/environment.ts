import type { Store, StoreContext } from '../store.ts'

/** A data set (a server, a file, a process) on which a conformance test opens stores, like the nodes of an app. */
export interface TestEnvironment {
  /**
   * The clock of every store of this environment, as `context.now`. It starts at the present, and conformance tests move it. Milliseconds.
   */
  readonly clock: { now: number }
  /**
   * Opens another store on the same sessions, as another node would; returns the same store again if it is in this process. `app`: opens
   * the sessions of another app in the same data set (another prefix, schema, file or instance).
   */
  open (options?: EnvironmentOptions): Promise<Store>
  /**
   * Returns the number of keys, rows or entries that the stores of the one app have; absent if that cannot be counted. Law 10 requires 0.
   */
  countEntries? (): Promise<number>
  /** Closes every store that it opened, and deletes the data set. */
  close (): Promise<void>
}

export interface EnvironmentOptions extends Partial<Pick<StoreContext, 'history' | 'historyPerUser'>> {
  /** The name of another app; default: the one app of the environment. `history` defaults to a day, `historyPerUser` to 20. */
  readonly app?: string
}

/** Creates a new, empty environment. */
export type CreateEnvironment = () => Promise<TestEnvironment>

/** One guarantee of the contract, with its test. */
export interface Law {
  /** The number of the guarantee and a description: `3 limits apply per user, and guests have none`. */
  readonly name: string
  /** Rejects with an AssertionError if the store breaks the law. */
  run (createEnvironment: CreateEnvironment): Promise<void>
}
