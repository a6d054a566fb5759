import type { Store, StoreContext } from '../store.ts'

/** One place where sessions live (a server, a file, a process), on which a law opens stores like the nodes of an app would. */
export interface Ground {
  /** The clock that every store on this ground uses, as `context.now`; starts at the present; a law moves it. Milliseconds. */
  readonly clock: { now: number }
  /**
   * Opens another store on the same sessions, as another node would; the same one again where the store is this process's own.
   * `app`: the sessions of another app in the same place instead (another prefix, schema, file or instance).
   */
  open (options?: GroundOptions): Promise<Store>
  /** How many things (keys, rows, entries) the stores of the one app hold in this place; absent where nobody can tell. Law 10 wants none. */
  remains? (): Promise<number>
  /** Closes every store it opened, and takes the place away. */
  close (): Promise<void>
}

export interface GroundOptions extends Partial<Pick<StoreContext, 'history' | 'historyPerUser'>> {
  /** The name of another app; default: the one app of the ground. `history` defaults to a day, `historyPerUser` to 20. */
  readonly app?: string
}

/** Makes a new, empty ground. */
export type NewGround = () => Promise<Ground>

/** One promise of the contract, with the test that shows it. */
export interface Law {
  /** `3 of two parallel rotations one wins`: the number of the law, then what is shown. */
  readonly name: string
  /** Rejects with an AssertionError if the store breaks the law. */
  run (newGround: NewGround): Promise<void>
}
