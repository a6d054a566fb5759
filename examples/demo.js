// `npm run demo`, then open the URLs.
import Fastify from 'fastify'
import sessions from 'fastify-session-manager'
import { start } from './start.js'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { stop.abort() })
await start(Fastify, sessions, { log: console.log, signal: stop.signal, port: Number(process.env.PORT ?? 3000) })
