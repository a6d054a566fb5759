// Runs all tests with their servers logging at `trace`, then looks for every part of every cookie that was given out: npm run test:trace
import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const dir = mkdtempSync(join(tmpdir(), 'trace-'))
const { status } = spawnSync('npx', ['tap', '--reporter=terse', '--disable-coverage', ...process.argv.slice(2)], { stdio: 'inherit', env: { ...process.env, TRACE_DIR: dir } })

const read = name => readFileSync(join(dir, name), 'utf8')
const files = readdirSync(dir)
const cookies = new Set(files.filter(name => name.endsWith('.cookies')).flatMap(name => read(name).split('\n')))

/** Every part of every cookie, by how it begins: there are tens of thousands of them, and as many lines. */
const parts = new Map()
const start = 16
let looked = 0
for (const cookie of cookies) {
  const [, token, signature] = /=([\w-]{68})\.([\w+/]{43})$/.exec(cookie) ?? []
  if (token === undefined) continue
  looked++
  const verifier = Buffer.from(token, 'base64url').subarray(19)
  for (const part of [token, signature, token.slice(26), hash('sha256', verifier, 'base64url'), hash('sha256', verifier, 'base64'), hash('sha256', verifier, 'hex'), verifier.toString('hex'), verifier.toString('base64')]) {
    parts.set(part.slice(0, start), [...parts.get(part.slice(0, start)) ?? [], part])
  }
}

let lines = 0
const found = new Set()
for (const name of files.filter(name => name.endsWith('.log'))) {
  // one test asks for /me with a cookie in the query, which nobody takes, and which Fastify itself logs; any other address counts
  const log = read(name).replaceAll(/"url":"\/me\?[^"]*"/g, '')
  lines += log.split('\n').length - 1
  for (const { index, 0: run } of log.matchAll(/[\w+/=-]{16,}/g)) {
    for (let at = index; at <= index + run.length - start; at++) {
      for (const part of parts.get(log.slice(at, at + start)) ?? []) if (log.startsWith(part, at)) found.add(part)
    }
  }
}
rmSync(dir, { recursive: true })
console.log(`${lines} lines of log, ${looked} cookies, ${found.size} parts of them found`)
process.exitCode = status === 0 && found.size === 0 && looked > 0 ? 0 : 1
