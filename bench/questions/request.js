import { compare } from '../compare.js'
import { request } from '../load.js'
import { catalogue, names, own } from '../servers/catalogue.js'
import { signIn } from '../signin.js'

const columns = [['server', 'server'], ['cookies', 'cookies'], ['cpuUsOverBare', 'µs over bare'], ['cpuUsOverBareLeast', 'least'], ['throughputOfBare', 'throughput of bare'], ['hotCpuUsOverBare', 'one cookie, µs over bare'], ['hotThroughputOfBare', 'throughput of bare'],
  ['anonymousCpuUsOverBare', 'no cookie, µs over bare'], ['commandsPerRequest', 'Redis commands']]

/** A validated request whose handler asks who the user is: many sessions in rotation, one session over and over; and one without a cookie. */
export const requestQuestion = {
  title: 'A request',
  text: 'CPU of the server process per request over bare Fastify, and throughput as a share of bare Fastify\'s: with many signed-in cookies in rotation, with one over and over, and without a cookie. Every server that can, records address, agent and count of each request; those named “recording” were made to. Each handler answers the id of the user.',
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
  const rows = new Map(servers.map(server => [server, { question: 'request', server: server.name, cookies: cookies.get(server).length }]))
  for (const [kind, requestsOf] of Object.entries(requests)) {
    const texts = new Map(servers.map(server => [server, requestsOf(server)]))
    const commands = new Map()
    const results = await compare(servers, async server => {
      const before = kind === '' ? await server.ask('commands') : null
      const figures = await server.measure({ requests: texts.get(server), seconds })
      if (before !== null) commands.set(server, (await server.ask('commands') - before) / figures.answers)
      return figures
    }, { rounds, log, label: kind === '' ? 'many cookies' : kind })
    for (const [server, figures] of results) {
      Object.assign(rows.get(server), kind === '' ? figures : prefixed(kind, figures))
      if (commands.has(server)) rows.get(server).commandsPerRequest = commands.get(server)
    }
  }
  return [...rows.values()]
}

function prefixed (prefix, figures) {
  return Object.fromEntries(Object.entries(figures).map(([key, value]) => [`${prefix}${key[0].toUpperCase()}${key.slice(1)}`, value]))
}
