import t from 'tap'
import { RiskAssessor } from '../../lib/manager/risk.ts'
import { testCore } from '../helpers/core.ts'
import { aRecord } from '../helpers/manager.ts'

t.test('a client that is new to a session is reported once, and again after ten thousand others', async t => {
  const record = await aRecord(t)
  const { core, events, clock } = await testCore(t, { assessRisk: () => 'challenge' })
  const risk = new RiskAssessor(core)
  const assess = (ip: string | null, userAgent: string | undefined, id = record.id): Promise<unknown> =>
    risk.assess({ ...record, id }, { ip, userAgent, passive: false })
  t.equal(await assess('192.0.2.7', 'curl/8'), 'challenge')
  await assess('192.0.2.7', 'curl/8')
  await assess('192.0.2.1', 'wget/1')
  clock.now += 60_000
  await assess(null, undefined)
  t.match(events, [
    { type: 'ip-changed', from: '192.0.2.1', to: '192.0.2.7' },
    { type: 'user-agent-changed', from: 'curl/8', to: 'wget/1' },
    { type: 'ip-changed', to: null }, { type: 'user-agent-changed', to: null }
  ])
  for (let i = 0; i < 10_000; i++) await assess('192.0.2.7', 'curl/8', `session ${i}`)
  events.length = 0
  clock.now += 60_000
  await assess(null, undefined)
  t.equal(events.length, 2)
})
