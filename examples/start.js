import { setTimeout as wait } from 'node:timers/promises'
import { build } from './build.js'
import { seed } from './seed.js'

/**
 * Starts the demo: an app with a complete sign-in, a week of sessions behind it, and both pages. Sessions live in this process. Goes on
 * until `signal` says otherwise.
 */
export async function start (Fastify, sessions, { log, signal, port }) {
  let moved = Date.now()
  let seeding = true
  // time is moved while the past is made up; then it is the time
  const clock = { get now () { return seeding ? moved : Date.now() }, set now (instant) { moved = instant } }
  const app = await build(Fastify, sessions, { now: () => clock.now, cleanupInterval: '1m' })
  await app.ready()
  const { live } = await seed(app, clock)
  seeding = false

  const url = await app.listen({ port, host: '127.0.0.1' })
  log(`Sign in as ada (an admin), grace or linus; the password is the name.

App      ${url}/
Devices  ${url}/account/sessions
Console  ${url}/admin/sessions   (as ada)

Stop with Ctrl+C.`)

  // life goes on
  while (!signal.aborted) {
    await wait(2500, null, { signal }).catch(() => {})
    if (!signal.aborted) await live(0.02)
  }
  await app.close()
}
