import { compare } from '../compare.js'
import { request } from '../load.js'
import { asksAnother, catalogue, names } from '../servers/catalogue.js'
import { signIn } from '../signin.js'

const columns = [
  ['server', 'server'],
  ['cpuUs', 'µs'],
  ['cpuUsOverBare', 'µs over bare'],
  ['cpuUsOverBareLeast', 'least'],
  ['throughputOfBare', 'throughput of bare']
]

const asks = server => asksAnother(server.name, { writes: true })

/** A sign-in: a POST whose handler makes a session of the user that the body names. */
export const loginQuestion = {
  title: 'Log in',
  text: 'CPU per `POST /login` with a user id in the body, over the same POST on bare Fastify. No password is checked; only the session costs.',
  columns,
  async run ({ fleet, choose, rounds, seconds, sessions, log }) {
    const servers = await fleet.start(choose(names), { log })
    const results = await compare(servers, (server, awake) => server.measure({ requests: signIns(server, sessions), seconds, awake }), {
      rounds,
      log,
      label: 'login',
      asks
    })
    return [...results].map(([server, figures]) => ({ question: 'login', server: server.name, ...figures }))
  }
}

/** A sign-out: a POST whose handler ends the session. */
export const logoutQuestion = {
  title: 'Log out',
  text: 'CPU per `POST /logout` with a valid cookie, over a POST on bare Fastify.',
  columns,
  async run ({ fleet, choose, rounds, sessions, log }) {
    const servers = await fleet.start(choose(names), { log })
    const results = await compare(servers, async (server, awake) => {
      const cookies = await signIn(server, Math.min(sessions / 2, catalogue[server.name].cookies ?? sessions))
      return server.measure({ requests: cookies.map(cookie => request('POST', '/logout', { cookie, body: {} })), awake })
    }, { rounds: Math.min(rounds, 3), log, label: 'logout', asks })
    return [...results].map(([server, figures]) => ({ question: 'logout', server: server.name, ...figures }))
  }
}

function signIns (server, sessions) {
  const users = Math.min(sessions, catalogue[server.name].users ?? sessions)
  return Array.from({ length: users }, (_, i) => request('POST', '/login', { body: { userId: `user ${i}` } }))
}
