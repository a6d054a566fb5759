import { toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'

/** Variables with which platforms show that they suspend an instance between requests, or give it no CPU then. */
const suspending: readonly (readonly [variable: string, name: string])[] = [
  ['AWS_LAMBDA_FUNCTION_NAME', 'AWS Lambda'],
  ['K_SERVICE', 'Cloud Run'],
  ['FUNCTIONS_WORKER_RUNTIME', 'Azure Functions'],
  ['VERCEL', 'Vercel'],
  ['NETLIFY', 'Netlify']
]

/** Returns the name of the platform if it suspends instances between requests, so that no timer runs then; otherwise `null`. */
export function suspendingPlatform (env: NodeJS.ProcessEnv = process.env): string | null {
  return suspending.find(([variable]) => (env[variable] ?? '') !== '')?.[1] ?? null
}

/**
 * Returns the interval of writing activity. Default one second; 0 where a suspended instance would lose activity that it has not written,
 * so that an active user would end as idle. Throws `FST_SESSION_INVALID_OPTION`.
 */
export function toFlushInterval (given: Duration | undefined, warn: (message: string) => void): number {
  const platform = suspendingPlatform()
  const interval = toMilliseconds(given ?? (platform === null ? 1000 : 0), 'flushInterval', { max: 60_000 })
  if (interval > 0 && platform !== null) {
    warn(`${platform} suspends instances between requests: with \`flushInterval\` above 0, activity is lost and active users end as idle.`)
  }
  return interval
}
