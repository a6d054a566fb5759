// A week and a day in the life of an app, lived in a second or two: the clock is moved, everything else is real.
const minute = 60_000
const hour = 60 * minute
const step = 10 * minute

const agents = {
  chromeWindows: ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36', 34],
  chromeMac: ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36', 14],
  iphone: ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1', 17],
  android: ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36', 12],
  safariMac: ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15', 8],
  firefoxLinux: ['Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', 7],
  firefoxWindows: ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0', 6],
  edge: ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0', 8],
  ipad: ['Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1', 3],
  curl: ['curl/8.14.1', 1]
}
const first = ['ada', 'grace', 'linus', 'alan', 'barbara', 'charles', 'donald', 'edsger', 'frances', 'guido', 'hedy', 'ivan', 'joan', 'ken', 'leslie', 'margaret', 'niklaus', 'radia', 'shafi', 'tim']
const hosts = ['acme.example', 'harbour.example', 'kernel.example', 'northwind.example', 'atelier.example', 'lab.example', 'orbit.example', 'press.example', 'foundry.example', 'garden.example', 'quay.example']

/** The same numbers each time, so that a picture of the demo can be taken again. */
function random (seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** How busy the app is: quiet nights, slow weekends. */
function rhythm (now) {
  const date = new Date(now)
  const day = date.getUTCHours() + date.getUTCMinutes() / 60
  const wave = 0.12 + 0.88 * Math.max(0, Math.sin((day - 5) / 15 * Math.PI)) ** 1.2
  return wave * (date.getUTCDay() % 6 === 0 ? 0.45 : 1)
}

/**
 * Replays the last `days` with the app's manager, and returns the sessions that stay live.
 * `clock.now` is moved up to the present; the app was registered with `now: () => clock.now`.
 */
export async function seed (app, clock, { days = 8, now = Date.now() } = {}) {
  const { sessions } = app
  const any = random(20261123)
  const below = n => Math.floor(any() * n)
  const pick = list => list[below(list.length)]
  const weights = Object.values(agents)
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  function agent () {
    let left = any() * total
    return weights.find(([, weight]) => (left -= weight) < 0)[0]
  }
  const address = () => pick([() => `198.51.100.${1 + below(250)}`, () => `192.0.2.${1 + below(250)}`, () => `203.0.113.${20 + below(230)}`, () => `2001:db8:${(1 + below(60)).toString(16)}:${1 + below(4)}::${(1 + below(65000)).toString(16)}`])()
  const names = [...first.slice(0, 3), ...first.flatMap((name, i) => hosts.map((host, j) => ({ name: `${name}@${host}`, at: (i * 7 + j * 13) % 97 }))).sort((a, b) => a.at - b.at).map(({ name }) => name)]
  const users = names.map(userId => {
    // some sit in one office, behind one address
    const home = any() < 0.24 ? '203.0.113.7' : address()
    return { userId, home, devices: Array.from({ length: any() < 0.2 ? 4 : 1 + below(3) }, () => ({ agent: agent(), remember: any() < 0.18, ip: any() < 0.7 ? home : address(), session: null, until: 0 })) }
  })
  // the three that can sign in have two devices that stay
  for (const user of users.slice(0, 3)) {
    const stays = (agent, ip) => ({ agent, remember: true, ip, session: null, until: 0 })
    user.devices = [stays(agents.iphone[0], '203.0.113.7'), stays(agents.chromeWindows[0], '2001:db8:1d:1::5af2'), { ...stays(agents.ipad[0], '192.0.2.15'), remember: false }]
  }
  const open = new Set()
  const old = []

  /** Things do not happen on the minute. */
  function tick () {
    if (clock.now % step < step - minute) clock.now += below(8000)
  }

  async function visit (user, device) {
    tick()
    if (device.session === null) {
      const { session, token, ended } = await sessions.create({ userId: user.userId, remember: device.remember, method: pick(['password', 'password', 'password', 'webauthn', ['password', 'totp']]), ip: device.ip, userAgent: device.agent, replaces: device.before ?? null })
      for (const { id } of ended) for (const other of open) if (other.session?.id === id) leave(other)
      device.session = session
      device.token = token
    }
    device.until = clock.now + 10 * minute + any() ** 2 * 4 * hour
    device.user = user
    open.add(device)
  }

  function leave (device) {
    if (device.token !== undefined) old.unshift({ token: device.token, device })
    old.length = Math.min(old.length, 20)
    device.session = null
    device.before = null
    open.delete(device)
  }

  async function request (device) {
    const answer = await sessions.validate(device.token, { ip: device.ip, userAgent: device.agent, passive: false })
    if ('token' in answer) device.token = answer.token
    if ('code' in answer) leave(device)
    return answer
  }

  async function end (device) {
    tick()
    if (device.remember && any() < 0.93) { open.delete(device); return }
    if (any() < 0.55) await sessions.revoke(device.session.id, { reason: 'logout', by: 'user' })
    else if (any() < 0.4) { device.before = device.session.id; device.session = null; open.delete(device); return }
    leave(device)
  }

  /** What goes wrong now and then. */
  async function incident () {
    tick()
    const live = [...open].filter(device => device.session !== null)
    const device = live[below(live.length)]
    switch (below(10)) {
      case 0: case 8: case 9: if (device) { await sessions.revoke(device.session.id, { by: pick(['ada', 'user', 'user']) }); leave(device) } break
      case 1: case 2: if (device) { device.ip = address(); await request(device) } break
      case 3: if (old.length > 0) { const { token, device } = pick(old); await sessions.validate(token, { ip: device.ip, userAgent: device.agent, passive: false }) } break
      case 4: await app.inject({ url: '/me', remoteAddress: pick(['192.0.2.44', '198.51.100.99']), headers: { cookie: `__Host-sid=${'A'.repeat(68)}.${'B'.repeat(43)}` } }); break
      case 5: await app.inject({ method: 'POST', url: '/login', remoteAddress: address(), headers: { 'sec-fetch-site': 'cross-site' }, payload: {} }); break
      case 6: await app.inject({ url: '/api/v1/admin/sessions', remoteAddress: address() }); break
      case 7: if (device && any() < 0.4) await steal(device); break
    }
  }

  /** A thief has a copy of an older token. */
  async function steal (device) {
    const stolen = device.token
    const renewal = await sessions.rotate(stolen)
    if (renewal === null) return
    device.token = renewal.token
    await request(device)
    await sessions.flush()
    clock.now += 2 * minute
    await sessions.validate(stolen, { ip: '198.51.100.66', userAgent: agents.curl[0], passive: false })
    leave(device)
  }

  /** Lives for one step, or for a share of it. */
  async function live (share = 1) {
    const busy = rhythm(clock.now)
    for (let visits = users.length * 0.05 * busy * share; any() < visits; visits--) {
      const user = users[Math.floor(any() ** 1.4 * users.length)]
      await visit(user, pick(user.devices))
    }
    for (const device of [...open]) {
      if (device.session === null || any() > share) continue
      if (clock.now >= device.until) { await end(device); continue }
      for (let i = 1 + below(4); i > 0 && device.session !== null; i--) await request(device)
    }
    if (any() < 0.2 * busy * share) await incident()
    await sessions.flush()
  }

  clock.now = Math.floor(now / hour) * hour - days * 24 * hour
  for (let i = 0; clock.now < now - hour; i++) {
    await live()
    if (i % 6 === 5) {
      await sessions.cleanup()
      // keeps the numbers of the hour
      await sessions.statistics('1h')
    }
    clock.now = Math.min(now, (Math.floor(clock.now / step) + 1) * step)
  }
  // the last hour minute by minute, as the page shows it
  for (; clock.now < now - minute; clock.now = Math.min(now, clock.now + minute)) {
    await live(0.1)
    if (any() < 0.12) await incident()
  }
  clock.now = Math.max(now, clock.now)
  await sessions.cleanup()
  return { live }
}
