// A small app with a complete sign-in: `npm run demo`, then open the URL. Sessions live in this process.
import Fastify from 'fastify'
import sessions from 'fastify-session-manager'
import { build } from './build.js'

const app = await build(Fastify, sessions)
const url = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`Sign in as ada, grace or linus (the password is the name):

App      ${url}/
Devices  ${url}/api/v1/auth/sessions   (JSON, once signed in)

Stop with Ctrl+C.`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { app.close() })
