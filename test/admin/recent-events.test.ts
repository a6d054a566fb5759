import t from 'tap'
import { RecentEvents } from '../../lib/admin/recent-events.ts'
import type { EndedSession } from '../../lib/index.ts'
import { toEnded } from '../../lib/model/record.ts'
import { toDevice } from '../../lib/model/device.ts'
import { aRecord } from '../helpers/manager.ts'

t.test('what is remembered of devices and of ends is bounded', async t => {
  const names = Array.from({ length: 1500 }, (_, i) => toDevice(`Browser ${'x'.repeat(i % 7)}${i}a 1.2|Linux|desktop`).browser)
  t.equal(new Set(names).size, 1500)
  t.equal(toDevice('Firefox 144|Linux|desktop').browser, 'Firefox')
  const record = await aRecord(t)
  let tell = (_session: EndedSession): void => {}
  const feed = new RecentEvents({ on: () => () => {}, onRemoteEnd: listener => { tell = listener; return () => {} } })
  const end = (id: string): void => { tell(toEnded({ ...record, id }, { reason: 'logout', by: null, at: record.createdAt })) }
  let items = 0
  feed.listen(() => { items++ })
  for (let i = 0; i < 201; i++) end(`session ${i}`)
  end('session 200')
  t.equal(items, 201, 'each once')
  end('session 0')
  t.equal(items, 202, 'but for one that is long forgotten')
})
