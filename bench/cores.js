import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** The core of the servers, and the one of whoever asks them and of their stores; found once, because a process on one core sees no other. */
const cores = JSON.parse(process.env.BENCH_CORES ??= JSON.stringify({ server: availableParallelism() - 1, load: availableParallelism() - 2 }))

/** Whether processes can be kept on one core: Linux with taskset, and two cores or more. */
export const pinned = canPin()

/** A command, started on the core of its part. */
export function onCore (part, command) {
  return pinned ? ['taskset', '-c', String(cores[part]), ...command] : command
}

/** Keeps this process on the core of its part. */
export function stayOnCore (part) {
  if (pinned) execFileSync('taskset', ['-a', '-cp', String(cores[part]), String(process.pid)], { stdio: 'ignore' })
}

function canPin () {
  if (cores.load < 0) return false
  try {
    execFileSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
