import t from 'tap'
import { Rejection, Rotation } from '../../lib/index.ts'
import { toEnded } from '../../lib/model/record.ts'
import { testApp } from '../helpers/app.ts'
import { aRecord, minute, openManager, visit } from '../helpers/manager.ts'
import { Network } from '../helpers/network.ts'

t.test('a cookie that is due while others change its session', async t => {
  const due = { rotateAfter: '1h', idleTimeout: '1d', absoluteTimeout: '7d' } as const

  t.test('is renewed once for two requests at a time', async t => {
    const { sessions, clock } = await openManager(t, { store: new Network().node(), ...due })
    const { token } = await sessions.create({ userId: 'ada' })
    clock.now += 2 * 60 * minute
    const [first, second] = await Promise.all([1, 2].map(async () => sessions.validate(token, { ...visit, strict: true })))
    t.ok(first instanceof Rotation && second instanceof Rotation && first.token === second.token)
  })

  t.test('is refused with the reason if the session has ended', async t => {
    const record = await aRecord(t)
    const ended = toEnded(record, { reason: 'logout', by: 'user', at: record.createdAt })
    const { sessions, clock } = await openManager(t, {
      store: { ...new Network().node(), update: async () => ({ status: 'gone', ended }) },
      ...due
    })
    const { token } = await sessions.create({ userId: 'ada' })
    clock.now += 2 * 60 * minute
    t.match(await sessions.validate(token, visit), new Rejection('ended', 'logout'))
  })

  t.test('ends all sessions of its user if it is an old copy, and the app wants that; of a guest, the one', async t => {
    const { sessions, clock } = await openManager(t, { onTokenReuse: 'user', maxSessions: 5 })
    for (const [userId, left] of [['ada', 0], [null, 1]] as const) {
      const { token } = await sessions.create({ userId })
      await sessions.create({ userId })
      const next = await sessions.rotate(token)
      await sessions.rotate(next?.token ?? '')
      clock.now += 10 * minute
      t.match(await sessions.validate(token, visit), new Rejection('ended', 'token-reuse'))
      t.equal(await sessions.count(), left)
    }
  })
})

t.test('a socket hears through its request that its session ends', async t => {
  const heard: string[] = []
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.get('/socket', async ({ session }) => { session.onEnd(({ reason }) => { heard.push(reason) }); return {} })
  })
  await send('/socket', { cookie: await signIn() })
  await app.sessions.revokeUser('ada')
  t.strictSame(heard, ['revoked'])
})
