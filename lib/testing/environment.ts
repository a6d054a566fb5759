import type { Store, StoreContext } from '../store.ts'

/** One place that keeps sessions (a server, a file, a process), in which a conformance test opens stores like the nodes of an app do. */
export interface TestEnvironment {
  /**
   * The clock of every store of this environment, as `context.now`. It starts at the present, and conformance tests move it. Milliseconds.
   */
  readonly clock: { now: number }
  /**
   * Opens another store on the same sessions, as another node would; the same one again where the store is this process's own.
   * `app`: the sessions of another app in the same place instead (another prefix, schema, file or instance).
   */
  open (options?: EnvironmentOptions): Promise<Store>
  /**
   * Returns how many keys, rows or entries the stores of the one app hold in this place; absent where that cannot be counted. Law 10
   * requires 0.
   */
  countEntries? (): Promise<number>
  /** Closes every store it opened, and deletes the place. */
  close (): Promise<void>
}

export interface EnvironmentOptions extends Partial<Pick<StoreContext, 'history' | 'historyPerUser'>> {
  /** The name of another app; default: the one app of the environment. `history` defaults to a day, `historyPerUser` to 20. */
  readonly app?: string
}

/** Makes a new, empty environment. */
export type CreateEnvironment = () => Promise<TestEnvironment>

/** One promise of the contract, with the test that shows it. */
export interface Law {
  /** The number of the guarantee and a description: `3 limits apply per user, and guests have none`. */
  readonly name: string
  /** Rejects with an AssertionError if the store breaks the law. */
  run (createEnvironment: CreateEnvironment): Promise<void>
}
