import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Whether processes can be kept on one core: Linux with taskset, and two cores or more. */
export const pinned = canPin()

/** The core of the servers, and the one of whoever asks them. */
const cores = { server: availableParallelism() - 1, load: availableParallelism() - 2 }

/** A command, started on the core of its part. */
export function onCore (part, command) {
  return pinned ? ['taskset', '-c', String(cores[part]), ...command] : command
}

/** Keeps this process on the core of its part. */
export function stayOnCore (part) {
  if (pinned) execFileSync('taskset', ['-a', '-cp', String(cores[part]), String(process.pid)], { stdio: 'ignore' })
}

function canPin () {
  if (availableParallelism() < 2) return false
  try {
    execFileSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
