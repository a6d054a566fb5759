import { compare } from '../compare.js'
import { request } from '../load.js'
import { own } from '../servers/catalogue.js'
import { signIn } from '../signin.js'

const memory = 'fastify-session-manager memory'

/** The ten sessions of one user, among many. */
export const listQuestion = {
  title: 'List a user\'s 10 sessions',
  text: 'Wall time of `app.sessions.listByUser()` for a user with 10 sessions, one call after the other, in the app\'s process.',
  columns: [['server', 'server'], ['sessions', 'total sessions'], ['listUs', 'µs']],
  async run ({ fleet, choose, many, sessions, log }) {
    const rows = []
    for (const server of await fleet.start(choose(own.filter(name => !name.includes('beside'))), { log })) {
      const count = server.name === memory ? many : sessions
      log(`list: ${server.name}, ${count} sessions`)
      await server.ask('fill', { sessions: count, perUser: 10 })
      rows.push({
        question: 'list',
        server: server.name,
        sessions: count,
        listUs: await server.ask('list', { times: 2000, users: count / 10 })
      })
    }
    return rows
  }
}

/** All sessions expire at once. */
export const cleanupQuestion = {
  title: 'Cleanup',
  text: 'Every session has expired; one cleanup ends them all, emits an event for each, and writes their history. Event-loop delay meanwhile, by `monitorEventLoopDelay` (an undelayed loop shows 1 ms).',
  columns: [
    ['server', 'server'],
    ['sessions', 'expired'],
    ['seconds', 's'],
    ['delayP50', 'delay p50, ms'],
    ['delayP99', 'p99'],
    ['delayMax', 'max']
  ],
  async run ({ fleet, many, log }) {
    const rows = []
    for (const perUser of [1, 10]) {
      const [server] = await fleet.start(['cleanup'], { log })
      log(`cleanup: ${many} sessions, ${perUser} a user`)
      await server.ask('fill', { sessions: many, perUser })
      const { ended, seconds, p50, p99, max } = await server.ask('cleanup')
      rows.push({
        question: 'cleanup',
        server: `${memory}, ${perUser} per user`,
        sessions: ended,
        seconds,
        delayP50: p50,
        delayP99: p99,
        delayMax: max
      })
      await server.stop()
    }
    return rows
  }
}

/** The same request while the number of sessions grows. */
export const growthQuestion = {
  title: 'Growth',
  text: 'CPU per validated request, with 10,000 cookies in rotation (or 1,000 for 1,000 sessions), and with 100,000. These exceed the cache of verified cookies, so every request verifies a signature.',
  columns: [['server', 'server'], ['sessions', 'sessions'], ['cpuUs', 'µs'], ['ofLeast', 'relative to the fewest'], ['cpuUsOverBare', 'µs over bare'], ['coldCpuUs', '100,000 cookies, µs'], ['coldCpuUsOverBare', 'µs over bare']],
  async run ({ fleet, rounds, seconds, many, log }) {
    const sizes = [1000, 10_000, 100_000, 1_000_000].filter(size => size <= many)
    const servers = await fleet.start(['bare Fastify', ...sizes.map(() => memory)], { log })
    const warm = new Map([[servers[0], [request('GET', '/me')]]])
    const cold = new Map(warm)
    for (const [i, server] of servers.slice(1).entries()) {
      log(`growth: ${sizes[i]} sessions`)
      const cookies = await server.ask('fill', { sessions: sizes[i], cookies: Math.min(sizes[i], 100_000) })
      const requests = cookies.map(cookie => request('GET', '/me', { cookie }))
      warm.set(server, spreadOver(requests, 10_000))
      if (requests.length >= 100_000) cold.set(server, requests)
    }
    const figures = await compare(servers, server => server.measure({ requests: warm.get(server), seconds }), {
      rounds,
      log,
      label: 'growth'
    })
    const colder = await compare([...cold.keys()], server => server.measure({ requests: cold.get(server), seconds }), {
      rounds,
      log,
      label: 'growth, 100,000 cookies'
    })
    const least = figures.get(servers[1]).cpuUs
    return servers.slice(1).map((server, i) => ({
      question: 'growth',
      server: memory,
      sessions: sizes[i],
      ...figures.get(server),
      ofLeast: figures.get(server).cpuUs / least,
      ...colder.has(server) ? { coldCpuUs: colder.get(server).cpuUs, coldCpuUsOverBare: colder.get(server).cpuUsOverBare } : {}
    }))
  }
}

/** What a session takes up. */
export const memoryQuestion = {
  title: 'Memory',
  text: 'Heap and resident memory per signed-in session, after garbage collection: sessions with user, IP address, user agent and device, and no data.',
  columns: [
    ['server', 'server'],
    ['sessions', 'sessions'],
    ['heapBytes', 'heap bytes per session'],
    ['rssBytes', 'resident bytes per session']
  ],
  async run ({ fleet, choose, many, log }) {
    const rows = []
    const peers = ['floor: hook, verified cookie, Map', '@fastify/session memory, recording', 'express-session memory, recording']
    for (const name of choose([memory, ...peers])) {
      for (const perUser of name === memory ? [1, 10] : [1]) {
        const [server] = await fleet.start([name], { log, flags: ['--expose-gc'] })
        const own = name === memory
        const sessions = own ? many : Math.min(many, 50_000)
        log(`memory: ${name}, ${sessions} sessions`)
        await signIn(server, 100)
        const before = await server.ask('heap')
        if (own) await server.ask('fill', { sessions, perUser })
        else await signIn(server, sessions)
        const after = await server.ask('heap')
        rows.push({
          question: 'memory',
          server: own ? `${name}, ${perUser} a user` : name,
          sessions,
          heapBytes: (after.heap - before.heap) / sessions,
          rssBytes: (after.rss - before.rss) / sessions
        })
        await server.stop()
      }
    }
    return rows
  }
}

/** So many of the requests, evenly spread. */
function spreadOver (requests, count) {
  const every = Math.max(1, Math.floor(requests.length / count))
  return requests.filter((_, i) => i % every === 0)
}
