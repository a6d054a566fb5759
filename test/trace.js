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
const log = files.filter(name => name.endsWith('.log')).map(read)
const cookies = new Set(files.filter(name => name.endsWith('.cookies')).flatMap(name => read(name).split('\n')))
let looked = 0
const found = []
for (const cookie of cookies) {
  const [, token, signature] = /=([\w-]{68})\.([\w+/]{43})$/.exec(cookie) ?? []
  if (token === undefined) continue
  looked++
  const verifier = Buffer.from(token, 'base64url').subarray(19)
  const parts = [token, signature, token.slice(26), hash('sha256', verifier, 'base64url'), hash('sha256', verifier, 'base64'), hash('sha256', verifier, 'hex'), verifier.toString('hex'), verifier.toString('base64')]
  for (const part of parts) if (log.some(text => text.includes(part))) found.push(part)
}
rmSync(dir, { recursive: true })
console.log(`${log.reduce((sum, text) => sum + text.split('\n').length - 1, 0)} lines of log, ${looked} cookies, ${found.length} parts of them found`)
process.exitCode = status === 0 && found.length === 0 && looked > 0 ? 0 : 1
