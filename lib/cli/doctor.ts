import { openStore } from '../stores/open.ts'
import type { Command } from './command.ts'
import { weaknessOf } from './secret.ts'
import { clean, CommandError, UsageError } from './terminal.ts'
import type { Terminal } from './terminal.ts'

/** What was looked at, and what was seen. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'error'
  readonly check: string
  readonly text: string
}

/** An address that nobody has (RFC 5737), to see whether an app believes whoever says it is theirs. */
const spoofed = '192.0.2.123'
const pings = 50

/** Looks for what commonly goes wrong: with the secret, with a store, with a running app. */
export const doctorCommand: Command = {
  name: 'doctor',
  usage: '[--store …] [--url … [--login /login --body \'{…}\']]',
  summary: 'looks for what commonly goes wrong',
  options: { store: { type: 'string' }, url: { type: 'string' }, login: { type: 'string' }, body: { type: 'string' } },
  words: [0, 0],
  target: false,
  async run ({ terminal, values, json }) {
    const { store = terminal.env['SESSION_STORE'], url = terminal.env['SESSION_URL'], login, body = '{}' } = values as Readonly<Record<string, string | undefined>>
    if (url !== undefined && !URL.canParse(url)) throw new UsageError('Expected `--url` to be one such as https://app.example.')
    const findings = [
      secretFinding(terminal.env['SESSION_SECRET']),
      ...store === undefined ? [] : await storeFindings(store),
      ...url === undefined ? [] : await appFindings(new URL(url), terminal),
      ...url === undefined || login === undefined ? [] : await signInFindings(new URL(login, url), body, terminal)
    ]
    for (const { level, check, text } of findings) terminal.out(json ? `${JSON.stringify({ level, check, text })}\n` : `${level.padEnd(5)}  ${check.padEnd(12)}  ${clean(text)}\n`)
    return findings.some(({ level }) => level === 'error') ? 1 : 0
  }
}

function secretFinding (secret: string | undefined): Finding {
  if (secret === undefined) return { level: 'warn', check: 'secret', text: 'SESSION_SECRET is not set here, so it was not looked at' }
  const weakness = weaknessOf(secret)
  return weakness === null ? { level: 'ok', check: 'secret', text: 'long and varied enough' } : { level: 'error', check: 'secret', text: weakness }
}

async function storeFindings (url: string): Promise<Finding[]> {
  const findings: Finding[] = []
  const store = await openStore(url)
  try {
    await store.open({ now: null, history: 30 * 86_400_000, historyPerUser: 20, warn: message => { findings.push({ level: 'warn', check: 'store', text: message }) } })
  } catch (error) {
    return [{ level: 'error', check: 'store', text: `does not open: ${(error as Error).message.replace(/\/\/[^@/\s]*@/g, '//')}` }]
  }
  try {
    findings.push({ level: 'ok', check: 'store', text: `${store.name}; sessions are shared by ${{ process: 'this process only', machine: 'the processes of this machine', network: 'every machine that reaches it' }[store.scope]}` })
    const times: number[] = []
    for (let i = 0; i < pings; i++) {
      const start = performance.now()
      await store.ping()
      times.push(performance.now() - start)
    }
    findings.push(latencyFinding(times))
    if (store.now !== undefined) {
      const before = Date.now()
      findings.push(clockFinding(Math.round(await store.now() - (before + Date.now()) / 2)))
    }
  } finally {
    await store.close()
  }
  return findings
}

/** What round trips of so many milliseconds mean. */
export function latencyFinding (times: readonly number[]): Finding {
  const sorted = times.toSorted((a, b) => a - b)
  const [median, worst] = [Number(sorted[Math.floor(times.length / 2)]), Number(sorted.at(-1))]
  return { level: worst > 500 ? 'error' : median > 20 ? 'warn' : 'ok', check: 'latency', text: `median ${median.toFixed(1)} ms, longest of ${times.length}: ${worst.toFixed(1)} ms; \`storeTimeout\` is 500 ms unless you set it` }
}

/** What a store's clock that is so many milliseconds ahead means. */
export function clockFinding (offset: number): Finding {
  return { level: Math.abs(offset) > 1000 ? 'warn' : 'ok', check: 'clock', text: `the store's clock is ${offset} ms from this machine's; sessions go by the store's` }
}

/** What the way to an app means for its cookie. */
export function transportFinding ({ protocol, host }: URL): Finding {
  if (protocol === 'https:') return { level: 'ok', check: 'transport', text: 'https' }
  return /^(localhost|127\.|\[::1\])/.test(host)
    ? { level: 'ok', check: 'transport', text: 'http on this machine' }
    : { level: 'error', check: 'transport', text: 'http: the cookie is Secure, and browsers will not send it' }
}

/** What the attributes of a session cookie from this address mean. */
export function cookieFinding (cookie: string, { protocol }: URL): Finding {
  const [pair, ...attributes] = cookie.split(/; ?/)
  const missing = ['httponly', 'secure'].filter(attribute => !attributes.some(one => one.toLowerCase() === attribute))
  return missing.length === 0
    ? { level: 'ok', check: 'cookie', text: `${String(pair).split('=', 1).join('')}; ${attributes.join('; ')}` }
    : { level: missing.includes('httponly') || protocol === 'https:' ? 'error' : 'warn', check: 'cookie', text: `lacks ${missing.join(', ')} (on https and through a proxy it must have it: is \`trustProxy\` set?)` }
}

async function appFindings (url: URL, terminal: Terminal): Promise<Finding[]> {
  const findings = [transportFinding(url)]
  const page = await get(url, terminal)
  const set = page.headers.getSetCookie()
  findings.push(set.length === 0
    ? { level: 'ok', check: 'anonymous', text: 'a visitor without a session is given no cookie' }
    : { level: 'warn', check: 'anonymous', text: `a visitor without a session is given ${set.length} cookies (${set.map(cookie => cookie.split('=', 1).join('')).join(', ')})` })
  const admin = await get(new URL('/api/v1/admin/sessions/statistics', url), terminal)
  findings.push(admin.status === 200
    ? { level: 'error', check: 'admin', text: 'the admin routes answer anybody' }
    : { level: 'ok', check: 'admin', text: admin.status === 404 ? 'the admin routes are not there, or elsewhere' : `the admin routes answer ${admin.status} to a stranger` })
  return findings
}

async function signInFindings (url: URL, body: string, terminal: Terminal): Promise<Finding[]> {
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' }, redirect: 'manual', signal: terminal.signal })
  await response.text()
  const cookies = response.headers.getSetCookie()
  const ours = cookies.find(cookie => /^[^=]+=[\w-]{68}\./.test(cookie))
  if (ours === undefined) return [{ level: 'error', check: 'sign-in', text: `${response.status} without a session cookie` }]
  const findings: Finding[] = [
    cookieFinding(ours, url),
    /no-store/.test(String(response.headers.get('cache-control')))
      ? { level: 'ok', check: 'caching', text: 'the answer with the cookie is not stored' }
      : { level: 'error', check: 'caching', text: 'the answer with the cookie lacks Cache-Control: no-store' }
  ]
  const cookie = { cookie: ours.split(';', 1).join('') }
  const current = (): Promise<Response> => get(new URL('/api/v1/auth/sessions/current', url), terminal, { ...cookie, 'x-forwarded-for': spoofed })
  // what the first request brings, the second sees
  await (await current()).text()
  const seen = await current()
  const text = await seen.text()
  findings.push(seen.status !== 200
    ? { level: 'warn', check: 'proxy', text: `could not be seen: a forwarded request of the new session was answered ${seen.status}` }
    : text.includes(spoofed)
      ? { level: 'error', check: 'proxy', text: 'the app believes any X-Forwarded-For: `trustProxy` must name your proxies' }
      : { level: 'ok', check: 'proxy', text: 'a made-up X-Forwarded-For is not believed' })
  await fetch(new URL('/api/v1/auth/sessions/logout', url), { method: 'POST', body: '{}', headers: { ...cookie, 'content-type': 'application/json' }, signal: terminal.signal })
  return findings
}

async function get (url: URL, terminal: Terminal, headers: Record<string, string> = {}): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'manual', signal: terminal.signal })
  } catch (error) {
    throw new CommandError(`${url.origin} does not answer: ${(error as Error).message}`)
  }
}
