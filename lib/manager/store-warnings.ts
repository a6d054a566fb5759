import cluster from 'node:cluster'
import type { Store } from '../store.ts'
import { suspendingPlatform } from './platform.ts'

const exists = (value: string): boolean => value !== ''
/** Environment variables of platforms that run several processes of an app. */
const severalProcesses: readonly (readonly [variable: string, shows: (value: string) => boolean, name: string])[] = [
  ['NODE_APP_INSTANCE', exists, 'PM2'],
  ['WEB_CONCURRENCY', value => Number(value) > 1, 'WEB_CONCURRENCY']
]
const alternatives = 'Use Redis, PostgreSQL, or a file if all processes run on one machine.'

/** Warns of a store that does not fit the process: other processes do not share it, or a restart empties it. */
export function warnOfStore ({ name, scope, durable }: Store, warn: (message: string) => void): void {
  const { env } = process
  const shown = severalProcesses.find(([variable, shows]) => shows(env[variable] ?? ''))?.[2] ?? suspendingPlatform(env)
  const several = cluster.isWorker ? 'node:cluster' : shown
  if (scope === 'process' && several !== null) {
    const effect = 'a user who signed in is anonymous to the others'
    warn(`The store \`${name}\` belongs to one process, but there may be several (${several}): ${effect}. ${alternatives}`)
  } else if (!durable && env['NODE_ENV'] === 'production') {
    warn(`The store \`${name}\` is not persistent: each restart and deploy logs out all users. ${alternatives}`)
  }
}
