import { maskCredentials } from '../errors.ts'
import { openStore } from '../stores/open.ts'
import type { Command } from './command.ts'
import { weaknessOf } from './secret.ts'
import { requireSharedStore } from './target.ts'
import { clean, CommandError, UsageError } from './terminal.ts'
import type { Terminal } from './terminal.ts'

/** The result of one check. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'error'
  readonly check: string
  readonly text: string
}

/** A reserved IP address (RFC 5737), to test whether an app trusts any client's X-Forwarded-For. */
const sharedBy = {
  process: 'this process only',
  machine: 'the processes of this machine',
  network: 'every machine that reaches it'
}
const spoofed = '192.0.2.123'
const pings = 50

/** Checks for common mistakes: in the secret, a store, a running app. */
export const doctorCommand: Command = {
  name: 'doctor',
  usage: '[--store …] [--url … [--login /login --body \'{…}\']]',
  summary: 'check for common mistakes',
  options: {
    store: { type: 'string', value: '<url>', help: 'the store to check (or SESSION_STORE)' },
    url: { type: 'string', value: '<url>', help: 'a page of the running app to check (or SESSION_URL)' },
    login: { type: 'string', value: '<path>', help: 'with --url: the login route, to check the session cookie' },
    body: { type: 'string', value: '<json>', help: 'with --login: the body of the login request' }
  },
  positionals: [0, 0],
  target: false,
  async run ({ terminal, values, json }) {
    const {
      store = terminal.env['SESSION_STORE'], url = terminal.env['SESSION_URL'], login, body = '{}'
    } = values as Readonly<Record<string, string | undefined>>
    if (url !== undefined && !URL.canParse(url)) throw new UsageError('Expected `--url` to be one such as https://app.example.')
    const findings = [
      secretFinding(terminal.env['SESSION_SECRET']),
      ...store === undefined ? [] : await storeFindings(store),
      ...url === undefined ? [] : await appFindings(new URL(url), terminal),
      ...url === undefined || login === undefined ? [] : await signInFindings(new URL(login, url), body, terminal)
    ]
    for (const { level, check, text } of findings) {
      terminal.out(json ? `${JSON.stringify({ level, check, text })}\n` : `${level.padEnd(5)}  ${check.padEnd(12)}  ${clean(text)}\n`)
    }
    return findings.some(({ level }) => level === 'error') ? 1 : 0
  }
}

function secretFinding (secret: string | undefined): Finding {
  if (secret === undefined) return { level: 'warn', check: 'secret', text: 'SESSION_SECRET is not set here, so it was not checked' }
  const weakness = weaknessOf(secret)
  return weakness === null
    ? { level: 'ok', check: 'secret', text: 'long and varied enough' }
    : { level: 'error', check: 'secret', text: weakness }
}

async function storeFindings (url: string): Promise<Finding[]> {
  requireSharedStore(url)
  const findings: Finding[] = []
  const store = await openStore(url)
  try {
    const warn = (text: string): void => { findings.push({ level: 'warn', check: 'store', text }) }
    await store.open({ now: null, history: 30 * 86_400_000, historyPerUser: 20, warn })
  } catch (error) {
    return [{ level: 'error', check: 'store', text: `does not open: ${maskCredentials((error as Error).message)}` }]
  }
  try {
    findings.push({ level: 'ok', check: 'store', text: `${store.name}; sessions are shared by ${sharedBy[store.scope]}` })
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

/** Returns the finding for round trips, in milliseconds. */
export function latencyFinding (times: readonly number[]): Finding {
  const sorted = times.toSorted((a, b) => a - b)
  const [median, worst] = [Number(sorted[Math.floor(times.length / 2)]), Number(sorted.at(-1))]
  return {
    level: worst > 500 ? 'error' : median > 20 ? 'warn' : 'ok',
    check: 'latency',
    text: `median ${median.toFixed(1)} ms, longest of ${times.length}: ${worst.toFixed(1)} ms; \`storeTimeout\` is 500 ms unless you set it`
  }
}

/** Returns the finding for the offset of a store's clock, in milliseconds. */
export function clockFinding (offset: number): Finding {
  return {
    level: Math.abs(offset) > 1000 ? 'warn' : 'ok',
    check: 'clock',
    text: `the store's clock is ${offset} ms from this machine's; sessions use the store's`
  }
}

/** Returns the finding for the protocol of an app. */
export function transportFinding ({ protocol, host }: URL): Finding {
  if (protocol === 'https:') return { level: 'ok', check: 'transport', text: 'https' }
  return /^(localhost|127\.|\[::1\])/.test(host)
    ? { level: 'ok', check: 'transport', text: 'http on this machine' }
    : { level: 'error', check: 'transport', text: 'http: the cookie is Secure, and browsers will not send it' }
}

/** Returns the finding for the attributes of a session cookie from a URL. */
export function cookieFinding (cookie: string, { protocol }: URL): Finding {
  const [pair, ...attributes] = cookie.split(/; ?/)
  const missing = ['httponly', 'secure'].filter(attribute => !attributes.some(one => one.toLowerCase() === attribute))
  return missing.length === 0
    ? { level: 'ok', check: 'cookie', text: `${String(pair).split('=', 1).join('')}; ${attributes.join('; ')}` }
    : {
        level: missing.includes('httponly') || protocol === 'https:' ? 'error' : 'warn',
        check: 'cookie',
        text: `lacks ${missing.join(', ')} (on https and through a proxy it must have it: is \`trustProxy\` set?)`
      }
}

async function appFindings (url: URL, terminal: Terminal): Promise<Finding[]> {
  const findings = [transportFinding(url)]
  const page = await get(url, terminal)
  const set = page.headers.getSetCookie()
  findings.push(set.length === 0
    ? { level: 'ok', check: 'anonymous', text: 'a visitor without a session gets no cookie' }
    : {
        level: 'warn',
        check: 'anonymous',
        text: `a visitor without a session gets ${set.length} cookies (${set.map(cookie => cookie.split('=', 1).join('')).join(', ')})`
      })
  const admin = await get(new URL('/api/v1/admin/sessions/statistics', url), terminal)
  findings.push(admin.status === 200
    ? { level: 'error', check: 'admin', text: 'the admin routes are open to any client' }
    : {
        level: 'ok',
        check: 'admin',
        text: admin.status === 404
          ? 'the admin routes are disabled, or at another path'
          : `the admin routes respond with ${admin.status} to an unauthenticated client`
      })
  return findings
}

async function signInFindings (url: URL, body: string, terminal: Terminal): Promise<Finding[]> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
    redirect: 'manual',
    signal: terminal.signal
  })
  await response.text()
  const cookies = response.headers.getSetCookie()
  const ours = cookies.find(cookie => /^[^=]+=[\w-]{68}\./.test(cookie))
  if (ours === undefined) return [{ level: 'error', check: 'sign-in', text: `${response.status} without a session cookie` }]
  const findings: Finding[] = [
    cookieFinding(ours, url),
    /no-store/.test(String(response.headers.get('cache-control')))
      ? { level: 'ok', check: 'caching', text: 'the response with the cookie has no-store' }
      : { level: 'error', check: 'caching', text: 'the response with the cookie lacks Cache-Control: no-store' }
  ]
  const cookie = { cookie: ours.split(';', 1).join('') }
  const current = (): Promise<Response> =>
    get(new URL('/api/v1/auth/sessions/current', url), terminal, { ...cookie, 'x-forwarded-for': spoofed })
  // the second request sees the effect of the first
  await (await current()).text()
  const seen = await current()
  const text = await seen.text()
  findings.push(seen.status !== 200
    ? { level: 'warn', check: 'proxy', text: `not checked: a forwarded request of the new session returned ${seen.status}` }
    : text.includes(spoofed)
      ? { level: 'error', check: 'proxy', text: 'the app trusts any X-Forwarded-For: `trustProxy` must name your proxies' }
      : { level: 'ok', check: 'proxy', text: 'a spoofed X-Forwarded-For is ignored' })
  await fetch(new URL('/api/v1/auth/sessions/logout', url), {
    method: 'POST',
    body: '{}',
    headers: { ...cookie, 'content-type': 'application/json' },
    signal: terminal.signal
  })
  return findings
}

async function get (url: URL, terminal: Terminal, headers: Record<string, string> = {}): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'manual', signal: terminal.signal })
  } catch (error) {
    throw new CommandError(`${url.origin} does not respond: ${(error as Error).message}`)
  }
}
