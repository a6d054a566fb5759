import t from 'tap'
import { Tally } from '../../lib/events/throttle.ts'
import { Strangers } from '../../lib/manager/risk.ts'
import { encodeData, encodeValue, isEmptyText } from '../../lib/model/data.ts'
import { compileFilter } from '../../lib/model/filter.ts'
import type { Filter } from '../../lib/model/filter.ts'
import { Addresses, addressGroup, canonicalAddress } from '../../lib/model/ip-address.ts'
import { byAge, noData, toEnded } from '../../lib/model/record.ts'
import type { SessionRecord } from '../../lib/model/record.ts'
import { cleanAgent, deviceLabel, deviceOf } from '../../lib/model/user-agent.ts'
import { toUserId } from '../../lib/model/user-id.ts'
import { isCrossSite, isSafe } from '../../lib/plugin/cross-origin.ts'
import { deriveKeys } from '../../lib/token/keys.ts'

const record: SessionRecord = {
  id: 'AAAAAAAAAAAAAAAAAAAAAA', userId: 'ada', generation: 0, hash: '', previousHash: null, rotatedAt: 0, confirmedAt: null, createdAt: 100,
  authenticatedAt: 0, methods: '', lastSeenAt: 200, idle: 1000, absoluteAt: 5000, requests: 7, remembered: true, ip: '192.0.2.7', agent: null,
  firstIp: null, firstAgent: null, device: 'Firefox 144|Linux|desktop', name: 'My laptop', data: noData
}
const ended = toEnded(record, { reason: 'logout', by: 'user', at: 900 })
const guest = { ...record, userId: null, ip: null, device: null, name: null }

t.test('addresses have one form; what is none is nothing', async t => {
  const forms = [['1.2.3.4', '1.2.3.4'], ['::ffff:1.2.3.4', '1.2.3.4'], ['::FFFF:102:304', '1.2.3.4'], ['2001:0DB8::0001', '2001:db8::1'], ['::1', '::1'], ['fe80::1%eth0', null], ['1.2.3.4:5678', null],
    ['[::1]:1', null], ['unknown', null], ['', null], ['<script>', null], ['1'.repeat(5000), null], ['01.2.3.4', null]] as const
  for (const [raw, kept] of forms) t.equal(canonicalAddress(raw), kept, raw.slice(0, 20))
  t.equal(addressGroup('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(addressGroup('2001:db8::5'), '2001:db8::/64')
  t.equal(addressGroup('::5'), '::/64')
  t.equal(addressGroup('1.2.3.4'), '1.2.3.4')
  t.equal(addressGroup('2001:db8::'), '2001:db8::/64')
})

t.test('of an address is kept what the app chose', async t => {
  const key = Buffer.alloc(32)
  t.equal(new Addresses('full', key).keep('::ffff:1.2.3.4'), '1.2.3.4')
  t.equal(new Addresses('none', key).keep('1.2.3.4'), null)
  t.equal(new Addresses('truncate', key).keep('1.2.3.4'), '1.2.3.0')
  t.equal(new Addresses('truncate', key).keep('2001:db8:1:2:3:4:5:6'), '2001:db8:1::')
  t.equal(new Addresses('truncate', key).keep('junk'), null)
  t.match(new Addresses('hmac', key).keep('1.2.3.4'), /^[\w-]{22}$/)
  t.not(new Addresses('hmac', Buffer.alloc(32, 1)).keep('1.2.3.4'), new Addresses('hmac', key).keep('1.2.3.4'))
  const many = new Addresses('full', key)
  t.equal(many.keep(undefined), null)
  for (let i = 0; i < 10_002; i++) many.keep(`10.0.${i >> 8}.${i & 255}`)
  t.equal(many.keep('10.0.0.1'), '10.0.0.1')
  t.equal(many.keep('10.0.0.1'), '10.0.0.1')
})

t.test('agents are cut before anything looks at them, and lose control characters', async t => {
  t.equal(cleanAgent(undefined), null)
  t.equal(cleanAgent(''), null)
  t.equal(cleanAgent('\u0000\u001b'), null)
  t.equal(cleanAgent('a\u001b[31mb\r\nc\u2028'), 'a[31mbc')
  t.equal(cleanAgent('x'.repeat(15_000)), 'x'.repeat(512))
  t.equal(cleanAgent('é'.repeat(400)), 'é'.repeat(256))
  t.equal(cleanAgent(`x${'é'.repeat(400)}`), `x${'é'.repeat(255)}`, 'at the edge of a code point')
})

t.test('devices are told in words people know', async t => {
  const labels = [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', 'Firefox 144|Linux|desktop', 'Firefox on Linux'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1', 'Safari 18|iPhone|mobile', 'Safari on iPhone'],
    ['Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Mobile/15E148 Safari/604.1', 'Safari 16|iPad|tablet', 'Safari on iPad'],
    ['Mozilla/5.0 (X11; Linux x86_64) Gecko Firefox/', 'Firefox|Linux|desktop', 'Firefox on Linux'],
    ['curl/8.5.0', 'curl||tool', 'Command-line client'], ['xx', '||', 'Unknown device']
  ] as const
  for (const [agent, device, label] of labels) {
    t.equal(deviceOf(agent), device)
    t.equal(deviceLabel(device), label)
  }
  t.equal(deviceOf(null), null)
  t.equal(deviceLabel(null), 'Unknown device')
})

t.test('user ids are text of 1 to 256 bytes, or whole numbers in one form', async t => {
  t.equal(toUserId(5), '5')
  t.equal(toUserId('__proto__'), '__proto__')
  t.equal(toUserId('é'.repeat(128)), 'é'.repeat(128))
  for (const value of ['', null, undefined, {}, [], 1.5, NaN, 2 ** 60, true, 'x'.repeat(257), 'é'.repeat(129), '\ud800', 'a\0b']) t.throws(() => toUserId(value), { code: 'FST_SESSION_INVALID_USER_ID', statusCode: 400 })
})

t.test('data is JSON or refused by key; nothing is lost or cut', async t => {
  t.equal(encodeData({}), noData)
  t.equal(encodeData({ a: undefined }), noData)
  const data = encodeData(JSON.parse('{"__proto__":{"x":1},"constructor":2}') as Record<string, unknown>)
  t.strictSame(Object.keys(data), ['__proto__', 'constructor'])
  t.equal(encodeValue('d', new Date(0)), '"1970-01-01T00:00:00.000Z"')
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  for (const [value, why] of [[1n, 'a bigint'], [() => 1, 'a function'], [Symbol('x'), 'a symbol'], [NaN, 'NaN'], [[Infinity], 'Infinity'], [new Map(), 'a Map'], [{ s: new Set() }, 'a Set'], [new Uint8Array(1), 'a Uint8Array'], [/x/, 'a RegExp'], [Promise.resolve(), 'a Promise'], [cycle, 'refers to itself']] as const) {
    t.throws(() => encodeValue('cart', value), { code: 'FST_SESSION_INVALID_DATA', message: new RegExp(`\`cart\` (holds )?${why}`) })
  }
  t.throws(() => encodeData({ small: 1, big: 'x'.repeat(65_536) }), { code: 'FST_SESSION_DATA_TOO_LARGE', message: /most of it in `big`/ })
  for (const text of ['null', '""', '[]', '{}']) t.ok(isEmptyText(text))
  t.notOk(isEmptyText('0'))
})

t.test('every field of a filter decides', async t => {
  const yes: Filter[] = [{}, { userId: 'ada' }, { guest: false }, { remembered: true }, { ip: '192.0.2.7' }, { ip: '192.0.2.0/24' }, { browser: 'firefox' }, { system: 'LINUX' }, { createdAfter: 100 }, { createdBefore: 101 },
    { seenAfter: 200, seenBefore: 201 }, { requestsMin: 7, requestsMax: 7 }, { search: 'ADA' }, { search: '192.0.2' }, { search: 'firefox' }, { search: 'laptop' }, { search: 'aaaa' }]
  const no: Filter[] = [{ userId: 'Ada' }, { guest: true }, { remembered: false }, { ip: '192.0.2.8' }, { ip: '2001:db8::/32' }, { browser: 'fire' }, { system: 'Windows' }, { createdAfter: 101 }, { createdBefore: 100 },
    { seenAfter: 201 }, { seenBefore: 200 }, { requestsMin: 8 }, { requestsMax: 6 }, { search: 'grace' }]
  for (const session of [record, ended]) {
    for (const filter of yes) t.ok(compileFilter(filter)(session), JSON.stringify(filter))
    for (const filter of no) t.notOk(compileFilter(filter)(session), JSON.stringify(filter))
  }
  t.ok(compileFilter({ expiresAfter: 1200, expiresBefore: 1201 })(record))
  for (const filter of [{ expiresAfter: 1201 }, { expiresBefore: 1200 }, { reason: 'logout' }, { endedAfter: 0 }, { endedBefore: 9999 }] as Filter[]) t.notOk(compileFilter(filter)(record))
  for (const filter of [{ reason: 'logout' }, { endedAfter: 900, endedBefore: 901 }] as Filter[]) t.ok(compileFilter(filter)(ended))
  for (const filter of [{ reason: 'idle' }, { endedAfter: 901 }, { endedBefore: 900 }, { expiresAfter: 0 }, { expiresBefore: 9999 }] as Filter[]) t.notOk(compileFilter(filter)(ended))
  t.ok(compileFilter({ guest: true })(guest))
  for (const filter of [{ ip: '192.0.2.7' }, { browser: 'firefox' }, { system: 'linux' }, { search: 'ada' }] as Filter[]) t.notOk(compileFilter(filter)(guest))
  t.ok(compileFilter({ ip: '2001:db8::/32' })({ ...record, ip: '2001:db8::1' }))
  for (const ip of ['', 'x', '1.2.3.4/33', '1.2.3.4/', '1.2.3.4/x', '::1/129', '1.2.3.4/8/8', '300.1.1.1']) t.throws(() => compileFilter({ ip }), { code: 'FST_SESSION_INVALID_FILTER' }, ip)
})

t.test('sessions are ordered by age, then id', async t => {
  const at = (createdAt: number, id: string) => ({ createdAt, id })
  t.strictSame([at(2, 'a'), at(1, 'b'), at(1, 'a'), at(1, 'a')].sort(byAge), [at(1, 'a'), at(1, 'a'), at(1, 'b'), at(2, 'a')])
})

t.test('keys of different purposes, names and secrets differ', async t => {
  const keys = [deriveKeys(['s1', 's2'], 'cookie', 'a'), deriveKeys(['s1'], 'cookie', 'b'), deriveKeys(['s1'], 'cursor', 'a')].flat().map(key => key.toString('hex'))
  t.equal(new Set(keys).size, 4)
})

t.test('another site is told by Sec-Fetch-Site, then by Origin, exactly', async t => {
  const from = (headers: Record<string, string>) => isCrossSite({ method: 'POST', protocol: 'https', host: 'app.example:8443', headers })
  for (const headers of [{}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }, { origin: 'https://app.example:8443' }, { origin: 'https://APP.example:8443' }, { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }]) t.notOk(from(headers))
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': '' }, { origin: 'null' }, { origin: 'http://app.example:8443' }, { origin: 'https://app.example' }, { origin: 'https://app.example:8443.evil.example' }]) t.ok(from(headers))
  for (const [protocol, host] of [['http', 'app.example:80'], ['https', 'app.example:443']] as const) t.notOk(isCrossSite({ method: 'POST', protocol, host, headers: { origin: `${protocol}://app.example` } }), 'a port that goes without saying')
  t.strictSame(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(isSafe), ['GET', 'HEAD', 'OPTIONS', 'TRACE'])
})

t.test('floods are told at once, then once a minute with their number', async t => {
  const told: unknown[] = []
  const tally = new Tally((type, address, count) => { told.push([type, address, count]) })
  for (let i = 0; i < 5; i++) tally.add('bad', '1.1.1.1', 0)
  tally.add('bad', '1.1.1.1', 60_000)
  t.strictSame(told, [['bad', '1.1.1.1', 1], ['bad', '1.1.1.1', 5]])
  for (let i = 0; i < 10_001; i++) tally.add('bad', String(i), 0)
  tally.add('bad', null, 0)
  t.equal(told.length, 10_004)
})

t.test('a stranger to a session is told once for each place, and with what is different', async t => {
  const told: unknown[] = []
  const strangers = new Strangers((record, difference) => { told.push([record.id, difference]) })
  const known = { id: 'a', ip: '192.0.2.1', agent: 'x' } as SessionRecord
  for (const [ip, agent] of [['192.0.2.2', 'x'], ['192.0.2.2', 'x'], ['192.0.2.2', 'y'], [null, null], ['192.0.2.1', 'y']] as const) strangers.add(known, ip, agent)
  t.strictSame(told, [['a', { ip: '192.0.2.2' }], ['a', { ip: '192.0.2.2', agent: 'y' }], ['a', { ip: null, agent: null }], ['a', { agent: 'y' }]])
  for (let i = 0; i < 10_000; i++) strangers.add({ ...known, id: String(i) }, null, 'x')
  strangers.add(known, '192.0.2.1', 'y')
  t.equal(told.length, 10_005, 'what is remembered is bounded')
})
