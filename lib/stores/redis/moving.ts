import { setTimeout as delay } from 'node:timers/promises'

const [firstDelay, maxDelay] = [10, 100]

const reply = /\b(?:TRYAGAIN|ASK|MOVED|CLUSTERDOWN)\b|same slots allocation group/

/**
 * Returns whether a command was not executed because the slot of its keys is moving to another node, or has just moved. ioredis passes on
 * what it cannot redirect: replies to commands that share a pipeline, the last reply if it has tried often, and its own error for a
 * pipeline whose slots have parted before it was sent.
 */
export function isMoving (error: unknown): boolean {
  return error instanceof Error && reply.test(error.message)
}

/** Repeats a command while the slot of its keys is moving, for `timeout` milliseconds at most. */
export async function whileMoving <T> (send: () => Promise<T>, timeout: number): Promise<T> {
  const giveUp = performance.now() + timeout
  for (let wait = firstDelay; ; wait = Math.min(wait * 2, maxDelay)) {
    try {
      return await send()
    } catch (error) {
      if (!isMoving(error) || performance.now() + wait >= giveUp) throw error
    }
    await delay(wait)
  }
}
