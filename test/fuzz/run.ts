// npm run fuzz -- [--inputs 1000000] [--requests 50000] [--seed 1]
import { inspect, parseArgs } from 'node:util'
import { toCookieAttributes } from '../../lib/cookie/attributes.ts'
import { SessionCookie } from '../../lib/cookie/cookie.ts'
import { canonicalIp } from '../../lib/model/ip-address.ts'
import { sanitizeUserAgent, deviceOf } from '../../lib/model/user-agent.ts'
import { decodeToken } from '../../lib/token/token.ts'
import { fuzzUnits, growth } from './fuzz.ts'
import { fuzzRoutes } from './routes.ts'

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    requests: { type: 'string', default: '50000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) }
  }
})
const seed = Number(values.seed)
console.log(`seed ${seed}: repeat with --seed ${seed}\n`)
let started = Date.now()
let failures = 0

const tallies = await fuzzUnits(Number(values.inputs), seed)
for (const { name, inputs, refused, thrown } of tallies) {
  failures += thrown.length
  console.log(
    `${name.padEnd(16)}${String(inputs).padStart(9)} inputs${String(refused).padStart(9)} refused with a code${String(thrown.length).padStart(6)} thrown`
  )
  for (const { input, error } of thrown.slice(0, 3)) console.log(inspect({ input, error }, { depth: 4 }))
}
console.log(`${tallies.reduce((sum, { inputs }) => sum + inputs, 0)} inputs in ${seconds()} s\n`)

started = Date.now()
const routes = await fuzzRoutes(Number(values.requests), seed)
failures += routes.failures.length
console.log(
  `${routes.requests} requests in ${seconds()} s: ${[...routes.statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`)
    .join(', ')}`
)
for (const { request, status, body } of routes.failures.slice(0, 3)) console.log(inspect({ request, status, body }, { depth: 4 }))

const jar = new SessionCookie(toCookieAttributes({}), ['a secret of the fuzzer, which is long enough'])
console.log('\nns per character of 1, 4, 16, 64 and 256 thousand characters:')
const shapes: readonly (readonly [string, (text: string) => unknown, (length: number) => string])[] = [
  ['cookies of other names', text => jar.read(text), length => 'a=b; '.repeat(length / 5)],
  ['cookies of our name', text => jar.read(text), length => '__Host-sid=x; '.repeat(length / 14)],
  ['spaces before a name', text => jar.read(text), length => `${' '.repeat(length)}__Host-sid=x`],
  ['names without an end', text => jar.read(text), length => '__Host-sid='.repeat(length / 11)],
  ['spaces, then our name, again and again', text => jar.read(text), length => `${' '.repeat(100)}__Host-sid=`.repeat(length / 111)],
  ['token', text => decodeToken(text), length => 'A'.repeat(length)],
  ['address', text => canonicalIp(text), length => ':'.repeat(length)],
  ['user agent', text => deviceOf(sanitizeUserAgent(text)), length => 'Mozilla/5.0 ('.repeat(length / 13)]
]
for (const [name, feed, shape] of shapes) {
  console.log(
    `${name.padEnd(40)}${growth(feed, shape)
      .map(({ perCharacter }) => perCharacter.toFixed(2).padStart(9))
      .join('')}`
  )
}
console.log(`\n${failures === 0 ? 'nothing thrown, no 5xx' : `${failures} failures`}`)
process.exitCode = failures === 0 ? 0 : 1

function seconds (): string { return ((Date.now() - started) / 1000).toFixed(1) }
