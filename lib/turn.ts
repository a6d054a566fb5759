/** Lets whoever waits have a turn: what a store answers at once, step after step, must not hold up requests. */
export async function turn (): Promise<void> {
  await new Promise<void>(resolve => { setImmediate(resolve) })
}
