// A server in a process of its own: `node bench/child.js "bare Fastify"`, spoken to over IPC.
import { retainNextTickShape } from '../dist/lib/plugin/next-tick.js'
import { catalogue, special } from './servers/catalogue.js'

// as this package does for its apps: here for all, or it would look better than it is
await retainNextTickShape()
const { build, needs } = catalogue[process.argv[2]] ?? special[process.argv[2]]
const engine = needs === undefined ? null : await (await import('./engines.js')).startEngine(needs)

if (engine?.missing !== undefined) {
  process.send({ missing: engine.missing })
} else {
  const server = await build(engine)
  process.on('message', async ({ what, options }) => { process.send(await answer(server, what, options)) })
  process.send({ port: await server.listen() })
}
process.on('disconnect', async () => {
  await engine?.stop?.()
  process.exit()
})

/** Whole garbage collections while nothing is under way, as a server that has run for a day has had by the hundred. */
async function age () {
  for (let n = 0; n < 4; n++) {
    globalThis.gc()
    await new Promise(resolve => { setTimeout(resolve, 20) })
  }
  return null
}

async function answer (server, what, options) {
  if (what === 'usage') {
    const { user, system } = process.cpuUsage()
    return { cpu: user + system }
  }
  if (what === 'heap') {
    globalThis.gc()
    globalThis.gc()
    const { heapUsed, external, rss } = process.memoryUsage()
    return { heap: heapUsed + external, rss }
  }
  if (what === 'age') return age()
  return await (server[what] ?? engine?.[what])?.(options) ?? null
}
