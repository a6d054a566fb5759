import { load, request } from './load.js'

/** Signs users in, one session each or several; answers the Cookie header of each session. */
export async function signIn (server, count, { users = count } = {}) {
  const cookies = []
  const requests = Array.from({ length: count }, (_, i) => request('POST', '/login', { body: { userId: `user ${i % users}` } }))
  const { failures } = await load({
    port: server.port,
    requests,
    onAnswer: (index, head) => { cookies[index] = cookieOf(head) }
  })
  if (failures > 0) throw new Error(`${server.name}: ${failures} of ${count} sign-ins failed`)
  return cookies
}

/** The Cookie header that a browser sends after this answer; one that nobody reads if it set none. */
function cookieOf (head) {
  const set = [...head.matchAll(/^set-cookie: ([^;\r]+)/gim)].map(([, pair]) => pair).filter(pair => !pair.endsWith('='))
  return set.length === 0 ? `sid=${'x'.repeat(100)}` : set.join('; ')
}
