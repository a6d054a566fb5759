import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import { cookieOf, secret, setCookies, testApp } from '../helpers/app.ts'

const hour = 3_600_000

t.test('row 83: parallel requests that rotate all get the same new cookie, and none is logged out', async t => {
  const { send, signIn, clock, app, events } = await testApp(t)
  const cookie = await signIn('ada', { remember: true })
  clock.now += hour
  const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => send('/me', { cookie })))
  t.strictSame(answers.map(answer => answer.statusCode), [200, 200, 200, 200, 200, 200])
  const cookies = new Set(answers.map(cookieOf))
  t.equal(cookies.size, 1)
  const [next = ''] = cookies
  t.not(next, cookie)
  t.match(setCookies(answers[0] as never)[0], /; Max-Age=2588400;/)
  t.equal((await send('/me', { cookie: next })).statusCode, 200)
  t.equal(await app.sessions.count(), 1)
  t.equal(events.filter(event => event.type === 'rotated').length, 1)
})

t.test('a browser whose answer was lost gets the same cookie again, however late', async t => {
  const { send, signIn, clock } = await testApp(t)
  const cookie = await signIn('ada', { remember: true })
  clock.now += hour
  const lost = cookieOf(await send('/me', { cookie }))
  clock.now += 5 * hour
  const again = cookieOf(await send('/me', { cookie }))
  t.equal(again, lost)
  t.equal((await send('/me', { cookie: again })).statusCode, 200)
})

t.test('row 83: an old cookie after the grace period ends the session, for thief and owner alike', async t => {
  const { send, signIn, clock, events, app } = await testApp(t)
  const stolen = await signIn('ada', { remember: true })
  clock.now += hour
  await signIn('ada')
  const owner = cookieOf(await send('/me', { cookie: stolen }))
  await send('/me', { cookie: owner })
  clock.now += 5 * 60_000
  t.equal((await send('/me', { cookie: stolen })).statusCode, 200, 'the owner may have crashed before the new one was on disk')
  clock.now += 61_000
  await send('/me', { cookie: owner })
  clock.now += 29_000
  t.equal((await send('/me', { cookie: stolen })).statusCode, 200, 'and a request may be under way')
  clock.now += 1000
  t.match((await send('/me', { cookie: stolen })).json(), { statusCode: 401, reason: 'token-reuse' })
  t.match((await send('/me', { cookie: owner })).json(), { statusCode: 401, reason: 'token-reuse' })
  t.ok(events.some(event => event.type === 'token-reused' && event.userId === 'ada'))
  t.equal(await app.sessions.count({ userId: 'ada' }), 1, 'the other session lives')
})

t.test('by option a reused verifier ends all sessions of its user', async t => {
  const { send, signIn, clock, app } = await testApp(t, { onTokenReuse: 'user' })
  const stolen = await signIn('ada', { remember: true })
  clock.now += hour
  await signIn('ada')
  const owner = cookieOf(await send('/me', { cookie: stolen }))
  clock.now += 61_000
  await send('/me', { cookie: owner })
  clock.now += 10 * 60_000
  t.equal((await send('/me', { cookie: stolen })).statusCode, 401)
  t.equal(await app.sessions.count({ userId: 'ada' }), 0)
})

t.test('rotation goes on through rotated secrets', async t => {
  const store = memoryStore()
  const old = await testApp(t, { store, secret: 'the old secret, which is long enough' })
  const cookie = await old.signIn('ada', { remember: true })
  old.clock.now += hour
  const lost = await old.send('/me', { cookie })
  t.equal(setCookies(lost).length, 1)
  const both = await testApp(t, { store, secret: [secret, 'the old secret, which is long enough'] })
  both.clock.now = old.clock.now
  const caught = cookieOf(await both.send('/me', { cookie }))
  t.equal((await both.send('/me', { cookie: caught })).statusCode, 200)
  t.not(caught, cookieOf(lost), 'signed by the new secret')
})

t.test('a removed secret cannot derive the successor: the browser goes on without it', async t => {
  const store = memoryStore()
  const first = await testApp(t, { store, secret: ['the old secret, which is long enough', secret] })
  const cookie = await first.signIn('ada', { remember: true })
  const signed = await testApp(t, { store, secret: [secret, 'the old secret, which is long enough'] })
  const resigned = cookieOf(await signed.send('/me', { cookie }))
  first.clock.now += hour
  await first.send('/me', { cookie: resigned })
  const second = await testApp(t, { store, secret })
  second.clock.now = first.clock.now
  const answer = await second.send('/me', { cookie: resigned })
  t.equal(answer.statusCode, 200)
  t.strictSame(setCookies(answer), [])
})

t.test('remembering is for profiles that allow it, and for users', async t => {
  const { signIn, app, send } = await testApp(t, { nistProfile: 'aal2' })
  const response = await send('/login', { method: 'POST', payload: { userId: 'ada', remember: true } })
  t.notMatch(setCookies(response)[0], 'Max-Age')
  await signIn()
  t.equal(await app.sessions.count({ remembered: true }), 0)
})

t.test('row 83: being remembered does not make a session fresh', async t => {
  const { send, signIn, clock } = await testApp(t, {}, app => {
    app.get('/fresh', { config: { session: { fresh: '5m' } } }, async () => ({}))
  })
  const cookie = await signIn('ada', { remember: true })
  t.equal((await send('/fresh', { cookie })).statusCode, 200)
  clock.now += 6 * 60_000
  t.equal((await send('/fresh', { cookie })).statusCode, 403)
})

t.test('a request that brings a new cookie may authenticate again, rotate and sign out in the same breath', async t => {
  const { send, signIn, clock } = await testApp(t, {}, app => {
    app.post('/again', async request => { await request.session.reauthenticate({ method: 'webauthn' }); return {} })
    app.post('/rotate', async request => { await request.session.rotate(); return {} })
  })
  let cookie = await signIn('ada', { remember: true })
  for (const url of ['/again', '/rotate']) {
    clock.now += 2 * hour
    const answer = await send(url, { cookie, method: 'POST' })
    t.equal(answer.statusCode, 200, url)
    t.equal(setCookies(answer).length, 1)
    const next = cookieOf(answer)
    t.equal((await send('/me', { cookie: next })).statusCode, 200, 'the cookie that it brings is good')
    t.equal((await send('/me', { cookie })).statusCode, 401, 'the one before is dead at once')
    cookie = next
  }
})

t.test('one to six requests at once in several tabs, on two nodes, with lost answers: nobody is signed out', async t => {
  const store = memoryStore()
  const nodes = [await testApp(t, { store }), await testApp(t, { store })] as const
  let cookie = await nodes[0].signIn('ada', { remember: true })
  for (let round = 1; round <= 6; round++) {
    for (const node of nodes) node.clock.now = nodes[0].clock.now + (node === nodes[0] ? 2 * hour : 0)
    const sent = Array.from({ length: round }, async (_, i) => nodes[i % 2 === 0 ? 0 : 1].send('/me', { cookie }))
    const answers = await Promise.all(sent)
    t.strictSame(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]))
    // all but the last answer are lost, and in each third round that one, too
    const last = cookieOf(answers.at(-1) as never)
    if (round % 3 !== 0) cookie = last
    for (const node of nodes) node.clock.now += 2 * 60_000
    for (const tab of nodes) t.equal((await tab.send('/me', { cookie })).statusCode, 200)
    const again = cookieOf(await nodes[1].send('/me', { cookie }))
    if (again !== '') cookie = again
    await Promise.all(nodes.map(({ app }) => app.sessions.flush()))
  }
  t.equal(await nodes[0].app.sessions.count(), 1)
  t.strictSame(nodes.flatMap(({ events }) => events).filter(({ type }) => type === 'token-reused' || type === 'ended'), [])
})

t.test('a browser that crashed comes back with the cookie before, days later, and stays signed in', async t => {
  const { send, signIn, clock, events } = await testApp(t)
  const onDisk = await signIn('ada', { remember: true })
  clock.now += 2 * hour
  const next = cookieOf(await send('/me', { cookie: onDisk }))
  clock.now += 20_000
  t.equal((await send('/me', { cookie: next })).statusCode, 200)
  clock.now += 3 * 24 * hour
  const restored = await send('/me', { cookie: onDisk })
  t.equal(restored.statusCode, 200)
  t.equal(cookieOf(restored), next, 'and has the new one again')
  clock.now += 10_000
  t.equal((await send('/me', { cookie: next })).statusCode, 200)
  clock.now += 5 * hour
  t.equal((await send('/me', { cookie: onDisk })).statusCode, 200, 'it has crashed once more')
  t.strictSame(events.filter(({ type }) => type === 'token-reused'), [])
})

t.test('a verifier goes on through a restart, and one that the store has lost is refused without an alarm', async t => {
  const store = memoryStore()
  const before = await testApp(t, { store })
  const cookie = await before.signIn('ada', { remember: true })
  const id = (await before.app.sessions.listByUser('ada'))[0]?.id ?? ''
  const backup: unknown[] = []
  for await (const row of before.app.sessions.export({ backup: true })) backup.push(row)
  before.clock.now += 2 * hour
  const next = cookieOf(await before.send('/me', { cookie }))
  const restarted = await testApp(t, { store })
  restarted.clock.now = before.clock.now + 2 * 60_000
  t.equal((await restarted.send('/me', { cookie: next })).statusCode, 200)

  const restored = await testApp(t)
  restored.clock.now = before.clock.now
  await restored.app.sessions.import(backup, { backup: true })
  t.equal((await restored.send('/me', { cookie: next })).statusCode, 401, 'of a generation that the store has not seen')
  t.equal((await restored.app.sessions.get(id))?.userId, 'ada', 'the session is not harmed')
  t.strictSame(restored.events.filter(({ type }) => type === 'token-reused' || type === 'ended'), [])
})

t.test('the successor is found under whichever of the listed secrets made it', async t => {
  const store = memoryStore()
  const older = 'the old secret, which is long enough'
  const old = await testApp(t, { store, secret: [older, secret] })
  const cookie = await old.signIn('ada', { remember: true })
  old.clock.now += hour
  const lost = cookieOf(await old.send('/me', { cookie }))
  const rolled = await testApp(t, { store, secret: [secret, older] })
  rolled.clock.now = old.clock.now + 5000
  const answers = await Promise.all([1, 2, 3].map(() => rolled.send('/me', { cookie })))
  const [again = '', ...others] = new Set(answers.map(cookieOf))
  t.strictSame(others, [])
  t.not(again, lost, 'the same verifier, signed by the new secret')
  t.equal((await old.send('/me', { cookie: again })).statusCode, 200, 'nodes that are not rolled yet take it')
  t.equal((await rolled.send('/me', { cookie: lost })).statusCode, 200)
})
