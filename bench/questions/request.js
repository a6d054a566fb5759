import { compare } from '../compare.js'
import { load, request } from '../load.js'
import { asksAnother, catalogue, names, own } from '../servers/catalogue.js'
import { signIn } from '../signin.js'

const columns = [
  ['server', 'server'],
  ['cpuUsOverBare', 'µs over bare'],
  ['cpuUsOverBareLeast', 'least'],
  ['throughputOfBare', 'throughput of bare'],
  ['hotCpuUsOverBare', 'one cookie, µs over bare'],
  ['hotThroughputOfBare', 'throughput of bare'],
  ['anonymousCpuUsOverBare', 'no cookie, µs over bare'],
  ['commandsPerRequest', 'Redis commands']
]

/** A validated request whose handler asks who the user is: many sessions in rotation, one session over and over; and one without a cookie. */
export const requestQuestion = {
  title: 'A request',
  text: "CPU of the server process per request over bare Fastify, and throughput as a share of bare Fastify's. The requests have 10,000 cookies in rotation (1,000 with `--quick`; fewer where noted), then one cookie only, then none. This package records IP address, user agent and count of each request; servers named “recording” were extended to do the same. Each handler returns the user id. The Express rows include the cost of Express itself.",
  columns,
  run: options => run(names, options)
}

/** The same of this package's stores only. */
export const storesQuestion = { ...requestQuestion, title: 'Stores', run: options => run(['bare Fastify', ...own], options) }

async function run (wanted, { fleet, choose, rounds, seconds, sessions, log }) {
  const servers = await fleet.start(choose(wanted), { log })
  const cookies = new Map()
  for (const server of servers) {
    log(`signing in: ${server.name}`)
    cookies.set(server, await signIn(server, Math.min(sessions, catalogue[server.name].cookies ?? sessions)))
  }
  const requests = {
    '': server => cookies.get(server).map(cookie => request('GET', '/me', { cookie })),
    hot: server => [request('GET', '/me', { cookie: cookies.get(server)[0] })],
    anonymous: () => [request('GET', '/hello')]
  }
  const rows = new Map(
    servers.map(server => [
      server,
      { question: 'request', server: labelOf(server, cookies.get(server).length, sessions), cookies: cookies.get(server).length }
    ])
  )
  for (const [kind, requestsOf] of Object.entries(requests)) {
    const texts = new Map(servers.map(server => [server, requestsOf(server)]))
    const results = await compare(servers, async (server, awake) => {
      if (catalogue[server.name].rests === false) await load({ port: server.port, requests: texts.get(server) })
      return server.measure({ requests: texts.get(server), seconds, awake })
    }, { rounds, log, label: kind === '' ? 'many cookies' : kind, asks: server => kind !== 'anonymous' && asksAnother(server.name) })
    for (const [server, figures] of results) Object.assign(rows.get(server), kind === '' ? figures : prefixed(kind, figures))
  }
  for (const server of servers.filter(({ name }) => catalogue[name].needs === 'redis')) {
    rows.get(server).commandsPerRequest = await commandsOf(server, request('GET', '/me', { cookie: cookies.get(server)[0] }))
  }
  return [...rows.values()]
}

/** How many commands a request costs. Those that are not part of any (a batch each second, beats) count in with the thousand. */
async function commandsOf (server, text) {
  const requests = Array.from({ length: 1000 }, () => text)
  await load({ port: server.port, requests })
  await server.ask('count')
  await load({ port: server.port, requests })
  return await server.ask('counted') / requests.length
}

function labelOf ({ name }, cookies, sessions) { return cookies < sessions ? `${name}, ${cookies} cookies` : name }

function prefixed (prefix, figures) {
  return Object.fromEntries(Object.entries(figures).map(([key, value]) => [`${prefix}${key[0].toUpperCase()}${key.slice(1)}`, value]))
}
