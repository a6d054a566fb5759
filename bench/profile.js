// node bench/profile.js ["fastify-session-manager memory" [spread|hot|anonymous|login]]: where a request's CPU goes, frame by frame
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stayOnCore } from './cores.js'
import { Fleet } from './fleet.js'
import { request } from './load.js'
import { asksAnother } from './servers/catalogue.js'
import { signIn } from './signin.js'

const [name = 'fastify-session-manager memory', kind = 'spread'] = process.argv.slice(2)
const kinds = {
  spread: cookies => cookies.map(cookie => request('GET', '/me', { cookie })),
  hot: cookies => [request('GET', '/me', { cookie: cookies[0] })],
  anonymous: () => [request('GET', '/hello')],
  login: cookies => cookies.map((_, i) => request('POST', '/login', { body: { userId: `user ${i}` } }))
}

const dir = mkdtempSync(join(tmpdir(), 'sessions-profile-'))
const fleet = new Fleet()
try {
  stayOnCore('load')
  const [server] = await fleet.start([name], { flags: ['--cpu-prof', `--cpu-prof-dir=${dir}`, '--cpu-prof-interval=200'], log: console.error })
  const requests = kinds[kind](await signIn(server, 10_000))
  const awake = kind === 'anonymous' || !asksAnother(name, { writes: kind === 'login' })
  await server.measure({ requests, seconds: 3, awake })
  const { cpu } = await server.measure({ requests, seconds: 8, awake })
  await fleet.stop()
  print(JSON.parse(readFileSync(join(dir, readdirSync(dir)[0]))), cpu)
} finally {
  await fleet.stop()
  rmSync(dir, { recursive: true, force: true })
}

/** The share of each function in the last seven seconds, as a share of what a request took. */
function print ({ nodes, samples, timeDeltas, startTime, endTime }, cpu) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const taken = new Map()
  let total = 0
  let at = startTime
  for (const [i, id] of samples.entries()) {
    at += timeDeltas[i]
    const { functionName, url } = frames.get(id)
    if (at < endTime - 7e6 || functionName === '(idle)') continue
    const key = `${functionName === '' ? '(anonymous)' : functionName} ${url.split('/').slice(-3).join('/')}`
    taken.set(key, (taken.get(key) ?? 0) + timeDeltas[i])
    total += timeDeltas[i]
  }
  console.log(`${name}, ${kind}: ${cpu.toFixed(1)} µs a request`)
  for (const [key, time] of [...taken].sort(([, a], [, b]) => b - a).slice(0, 60)) console.log(`${(time / total * cpu).toFixed(3)} µs  ${key}`)
  const own = [...taken].filter(([key]) => /dist\/(lib|routes)|lib\/(stores|manager|plugin|state|cookie|activity|policy|record|token|clock|guard|address|session)\b|stores\/memory/.test(key)).reduce((sum, [, time]) => sum + time, 0)
  console.log(`${(own / total * cpu).toFixed(3)} µs  in this package`)
}
