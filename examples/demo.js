// A small app with a complete sign-in, a week of sessions, and both pages: `npm run demo`, then open the URLs. Sessions live in this process.
import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import sessions from 'fastify-session-manager'
import { build } from './build.js'
import { seed } from './seed.js'

let moved = null
const clock = { get now () { return moved ?? Date.now() }, set now (instant) { moved = instant } }
const app = await build(Fastify, sessions, { now: () => clock.now, sweep: '1m' })
await app.ready()
const { live } = await seed(app, clock)
moved = null

const url = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`Sign in as ada (an admin), grace or linus; the password is the name.

App      ${url}/
Devices  ${url}/account/sessions
Console  ${url}/admin/sessions   (as ada)

Stop with Ctrl+C.`)

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { stopping.abort(); app.close() })
// life goes on
try {
  for (;;) {
    await wait(2500, null, { signal: stopping.signal })
    await live(0.02)
  }
} catch (error) {
  if (!stopping.signal.aborted) throw error
}
