import { median } from './median.js'

const warm = 10_000

/**
 * Measures servers in rounds, each after the other, so that what else the machine does hits all alike; answers the medians of each, and
 * of what it takes over the first one in the same round. A client that never sleeps would keep a store's server from the core that they
 * share: where `asks` says that a server waits for one, the client sleeps, and so it does for the measurement that this server is compared with.
 *
 * @param {Server[]} servers
 * @param {(server: Server, awake: boolean) => Promise<{ cpu: number, throughput: number, busy: number, answers: number }>} measureWith
 * @param {{ rounds: number, log: (text: string) => void, label: string, asks?: (server: Server) => boolean }} options
 */
export async function compare (servers, measureWith, { rounds, log, label, asks = () => false }) {
  const measured = new Map(servers.map(server => [server, []]))
  const [first] = servers
  const asleep = []
  const measure = server => measureWith(server, !asks(server))
  for (const server of servers) server.pause()
  log(`${label}: warming up`)
  for (const server of servers) {
    await alone(server, async () => {
      await warmUp(server, measure)
      await server.ask('age')
      await warmUp(server, measure)
    })
  }
  for (let round = 1; round <= rounds; round++) {
    log(`${label}: round ${round} of ${rounds}`)
    for (const server of servers) measured.get(server).push(await alone(server, () => measure(server)))
    if (servers.some(asks)) asleep.push(await alone(first, () => measureWith(first, false)))
  }
  for (const server of servers) server.resume()
  return new Map([...measured].map(([server, own]) => [server, figures(own, asks(server) ? asleep : measured.get(first))]))
}

/** While all other servers stand still. */
async function alone (server, task) {
  server.resume()
  try {
    return await task()
  } finally {
    server.pause()
  }
}

function figures (own, bare) {
  return {
    cpuUs: median(own.map(({ cpu }) => cpu)),
    cpuUsOverBare: median(own.map(({ cpu }, round) => cpu - bare[round].cpu)),
    cpuUsOverBareLeast: Math.min(...own.map(({ cpu }) => cpu)) - Math.min(...bare.map(({ cpu }) => cpu)),
    throughput: Math.round(median(own.map(({ throughput }) => throughput))),
    throughputOfBare: median(own.map(({ throughput }, round) => throughput / bare[round].throughput)),
    busy: median(own.map(({ busy }) => busy))
  }
}

/** Until the optimising compiler has seen enough of it. */
async function warmUp (server, measure) {
  for (let answers = 0, tries = 0; answers < warm && tries < 4; tries++) answers += (await measure(server)).answers
}
