import Fastify from 'fastify'
import type { FastifyInstance, InjectOptions } from 'fastify'
import sessions from '../../lib/index.ts'
import { randomFrom } from '../simulate/plan.ts'
import { Hostile } from './hostile.ts'

/** What came back over HTTP. */
export interface RouteTally {
  requests: number
  readonly statuses: Map<number, number>
  readonly failures: { readonly request: InjectOptions, readonly status: number, readonly body: string }[]
}

const user = '/api/v1/auth/sessions'
const admin = '/api/v1/admin/sessions'
const agents = ['Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', 'curl/8'] as const

/** Sends hostile requests to every route of ours, as somebody who is signed in, as an admin, or as nobody. */
export async function fuzzRoutes (count: number, seed: number): Promise<RouteTally> {
  const app = Fastify({ trustProxy: true }) as unknown as FastifyInstance
  await app.register(sessions, { secret: 'a secret of the fuzzer, which is long enough', maxSessions: 5, admin: { authorize: () => true } })
  app.post('/login', async request => { await request.session.login('ada'); return {} })
  app.post('/data', async request => {
    try {
      for (const [key, value] of Object.entries(request.body as object)) request.session.set(key, value)
      await request.session.save()
      return {}
    } catch (error) {
      // the app must check what it stores: the package responds 500 to what the app should have refused
      if (!['FST_SESSION_RESERVED_KEY', 'FST_SESSION_INVALID_DATA'].includes((error as { code: string }).code)) throw error
      throw Object.assign(new Error('refused by the app'), { statusCode: 400 })
    }
  })
  await app.ready()
  const hostile = new Hostile(randomFrom(seed))
  const tally: RouteTally = { requests: 0, statuses: new Map(), failures: [] }
  let cookie = ''
  let id = ''
  for (; tally.requests < count; tally.requests++) {
    if (tally.requests % 200 === 0) {
      const signedIn = await app.inject({ method: 'POST', url: '/login', payload: {} })
      cookie = String(signedIn.headers['set-cookie']).split(';', 1).join('')
      id = (await app.sessions.listByUser('ada'))[0]?.id ?? ''
    }
    const request = requestOf(hostile, { cookie, id })
    const { statusCode, body } = await app.inject(request)
    tally.statuses.set(statusCode, (tally.statuses.get(statusCode) ?? 0) + 1)
    if (statusCode >= 500) tally.failures.push({ request, status: statusCode, body })
  }
  await app.close()
  return tally
}

function requestOf (hostile: Hostile, { cookie, id }: { readonly cookie: string, readonly id: string }): InjectOptions {
  const query = (): string =>
    Array.from(
      { length: hostile.below(4) },
      () =>
        `${hostile.one(['limit', 'cursor', 'order', 'userId', 'ip', 'search', 'reason', 'createdAfter', 'state', 'at', 'range', 'minRequests'])}=${encode(hostile.text(['10', 'ada', '192.0.2.0/24', 'newest', '2026-01-01', '24h', 'ended']))}`
    ).join('&')
  const [method, path] = hostile.one<readonly [NonNullable<InjectOptions['method']>, string]>([
    ['GET', user],
    ['GET', `${user}/current`],
    ['POST', `${user}/refresh`],
    ['POST', `${user}/revoke`],
    ['PATCH', `${user}/${encode(hostile.text([id]))}`],
    ['POST', `${user}/logout`],
    ['GET', admin],
    ['GET', `${admin}/count`],
    ['GET', `${admin}/statistics`],
    ['GET', `${admin}/users/${encode(hostile.text(['ada']))}`],
    ['GET', `${admin}/${encode(hostile.text([id]))}`],
    ['POST', `${admin}/revoke`],
    ['POST', `${admin}/cleanup`],
    ['POST', `${admin}/import`],
    ['GET', `${admin}/export`],
    ['POST', '/data'],
    ['GET', `${user}/events`.slice(0, user.length)]
  ])
  const headers: Record<string, string> = {
    'user-agent': hostile.header(agents),
    cookie: hostile.chance(3) ? hostile.header([cookie]) : cookie,
    'x-forwarded-for': hostile.header(['192.0.2.1', '2001:db8::1, 10.0.0.1', 'unknown']),
    'x-forwarded-proto': hostile.header(['https', 'http'])
  }
  if (hostile.chance(6)) headers['origin'] = hostile.header(['https://example.com', 'null'])
  if (hostile.chance(6)) headers['sec-fetch-site'] = hostile.header(['same-origin', 'cross-site', 'none'])
  const url = `${path}?${query()}`
  if (method === 'GET') return { method, url, headers }
  headers['content-type'] = hostile.chance(10)
    ? hostile.header(['text/plain', 'application/json; charset=x'])
    : path.endsWith('import')
      ? hostile.one(['application/x-ndjson', 'application/json'])
      : 'application/json'
  const body = hostile.object(0, ['id', 'scope', 'name', 'filter', 'dryRun', 'token', 'limit', 'reason', 'userId'])
  return { method, url, headers, payload: hostile.chance(6) ? hostile.text(['{"id":"x"}', '[]', '{', '{}']) : JSON.stringify(body) }
}

function encode (text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return '%ED%A0%80'
  }
}
