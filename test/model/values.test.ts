import { runInNewContext } from 'node:vm'
import t from 'tap'
import { SessionEventEmitter } from '../../lib/events/emitter.ts'
import { EventThrottle } from '../../lib/events/throttle.ts'
import { encodeData, encodeValue, isEmptyText } from '../../lib/model/data.ts'
import { compileFilter } from '../../lib/model/filter.ts'
import type { Filter } from '../../lib/model/filter.ts'
import { IpAnonymizer, ipGroupOf, canonicalIp } from '../../lib/model/ip-address.ts'
import { byAge, noData, toEnded } from '../../lib/model/record.ts'
import { deviceLabel, toDevice, toDeviceText, unknownDevice } from '../../lib/model/device.ts'
import { sanitizeUserAgent, deviceOf } from '../../lib/model/user-agent.ts'
import { toUserId } from '../../lib/model/user-id.ts'
import { isCrossOrigin, isSafe } from '../../lib/plugin/cross-origin.ts'
import { deriveKeys } from '../../lib/token/keys.ts'
import { plainRecord } from '../helpers/records.ts'

const record = plainRecord({
  createdAt: 100,
  lastSeenAt: 200,
  requestCount: 7,
  remembered: true,
  ip: '192.0.2.7',
  device: toDevice('Firefox 144|Linux|desktop'),
  deviceName: 'My laptop'
})
const ended = toEnded(record, { reason: 'logout', by: 'user', at: 900 })
const guest = { ...record, userId: null, ip: null, device: unknownDevice, deviceName: null }

t.test('IP addresses have one form; text that is no IP address is dropped', async t => {
  const forms = [
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:102:304', '1.2.3.4'],
    ['2001:0DB8::0001', '2001:db8::1'],
    ['::1', '::1'],
    ['fe80::1%eth0', null],
    ['1.2.3.4:5678', '1.2.3.4'],
    ['[2001:0DB8::1]:443', '2001:db8::1'],
    ['[::1]', '::1'],
    ['[::ffff:1.2.3.4]:65535', '1.2.3.4'],
    ['1.2.3.4:', null],
    ['1.2.3.4:123456', null],
    ['1.2.3.4:x', null],
    ['[1.2.3.4]:5', null],
    ['[::1', null],
    ['::1]:5', null],
    ['[[::1]]', null],
    ['[]:5', null],
    ['1.2.3:80', null],
    ['1.2.3.4:5:6', null],
    [`[${'0000:'.repeat(7)}0001]:65535`, '::1'],
    ['[::1]:1', '::1'],
    ['unknown', null],
    ['', null],
    ['<script>', null],
    ['1'.repeat(5000), null],
    ['01.2.3.4', null]
  ] as const
  for (const [raw, kept] of forms) t.equal(canonicalIp(raw), kept, raw.slice(0, 20))
  t.equal(ipGroupOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(ipGroupOf('2001:db8::5'), '2001:db8::/64')
  t.equal(ipGroupOf('::5'), '::/64')
  t.equal(ipGroupOf('1.2.3.4'), '1.2.3.4')
  t.equal(ipGroupOf('2001:db8::'), '2001:db8::/64')
})

t.test('keys of data with half of a surrogate pair are refused: stores that keep UTF-8 could not tell them apart', async t => {
  for (const key of ['\ud800', 'a\udfff', '\udc00\ud800']) { t.throws(() => encodeData({ [key]: 1 }), { code: 'FST_SESSION_INVALID_DATA', message: /surrogate/ }) }
  t.strictSame({ ...encodeData({ '😀': '\ud800' }) }, { '😀': '"\\ud800"' }, 'in values they are escaped')
})

t.test('of an address is kept what the app chose', async t => {
  const key = Buffer.alloc(32)
  t.equal(new IpAnonymizer('full', [key]).apply('::ffff:1.2.3.4'), '1.2.3.4')
  t.equal(new IpAnonymizer('none', [key]).apply('1.2.3.4'), null)
  t.equal(new IpAnonymizer('truncate', [key]).apply('1.2.3.4'), '1.2.3.0')
  t.equal(new IpAnonymizer('truncate', [key]).apply('2001:db8:1:2:3:4:5:6'), '2001:db8:1::')
  t.equal(new IpAnonymizer('truncate', [key]).apply('junk'), null)
  t.match(new IpAnonymizer('hmac', [key]).apply('1.2.3.4'), /^[\w-]{22}$/)
  t.not(new IpAnonymizer('hmac', [Buffer.alloc(32, 1)]).apply('1.2.3.4'), new IpAnonymizer('hmac', [key]).apply('1.2.3.4'))
  const many = new IpAnonymizer('full', [key])
  t.equal(many.apply(undefined), null)
  for (let i = 0; i < 10_002; i++) many.apply(`10.0.${i >> 8}.${i & 255}`)
  t.equal(many.apply('10.0.0.1'), '10.0.0.1')
  t.equal(many.apply('10.0.0.1'), '10.0.0.1')
})

t.test('user agents are cut before they are parsed, and lose control characters', async t => {
  t.equal(sanitizeUserAgent(undefined), null)
  t.equal(sanitizeUserAgent(''), null)
  t.equal(sanitizeUserAgent('\u0000\u001b'), null)
  t.equal(sanitizeUserAgent('a\u001b[31mb\r\nc\u2028'), 'a[31mbc')
  t.equal(sanitizeUserAgent('x'.repeat(15_000)), 'x'.repeat(512))
  t.equal(sanitizeUserAgent('é'.repeat(400)), 'é'.repeat(256))
  t.equal(sanitizeUserAgent(`x${'é'.repeat(400)}`), `x${'é'.repeat(255)}`, 'at the edge of a code point')
})

t.test('devices are told in words people know', async t => {
  const labels = [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', 'Firefox 144|Linux|desktop', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
      'Safari 18|iPhone|mobile',
      'Safari on iPhone'
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Mobile/15E148 Safari/604.1',
      'Safari 16|iPad|tablet',
      'Safari on iPad'
    ],
    ['Mozilla/5.0 (X11; Linux x86_64) Gecko Firefox/', 'Firefox|Linux|desktop', 'Firefox on Linux'],
    ['curl/8.5.0', 'curl||tool', 'Command-line client'],
    ['xx', '||', 'Unknown device']
  ] as const
  for (const [agent, device, label] of labels) {
    t.equal(deviceOf(agent), toDevice(device))
    t.equal(toDeviceText(deviceOf(agent)) ?? '||', device)
    t.equal(deviceLabel(deviceOf(agent)), label)
  }
  t.equal(deviceOf(null), unknownDevice)
  t.equal(deviceLabel(unknownDevice), 'Unknown device')
})

t.test('user ids are text of 1 to 256 bytes, or whole numbers in one form', async t => {
  t.equal(toUserId(5), '5')
  t.equal(toUserId('__proto__'), '__proto__')
  t.equal(toUserId('é'.repeat(128)), 'é'.repeat(128))
  for (const value of ['', null, undefined, {}, [], 1.5, NaN, 2 ** 60, true, 'x'.repeat(257), 'é'.repeat(129), '\ud800', 'a\0b']) { t.throws(() => toUserId(value), { code: 'FST_SESSION_INVALID_USER_ID', statusCode: 500 }) }
})

t.test('data is JSON or refused by key; nothing is lost or cut', async t => {
  t.equal(encodeData({}), noData)
  t.equal(encodeData({ a: undefined }), noData)
  const data = encodeData(JSON.parse('{"__proto__":{"x":1},"constructor":2}') as Record<string, unknown>)
  t.strictSame(Object.keys(data), ['__proto__', 'constructor'])
  t.equal(encodeValue('d', new Date(0)), '"1970-01-01T00:00:00.000Z"')
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  for (const value of [
    null,
    true,
    '',
    '\ud800',
    0,
    1.5,
    [],
    {},
    [[1], { a: [{ b: null }] }],
    Object.assign(Object.create(null), { a: 1 }),
    runInNewContext('({ a: [1, { b: 2 }] })'),
    JSON.parse('{"__proto__":1}'),
    [null]
  ]) {
    t.same(JSON.parse(encodeValue('cart', value) as string), value, 'comes back equal')
  }
  t.equal(encodeValue('cart', { a: undefined, b: 1 }), '{"b":1}')
  class Secret { #hidden = 1; get shown () { return this.#hidden } }
  class Row { id = 1 }
  class List extends Array<number> {}
  // what JSON would change without a word
  const changed: [value: unknown, problem: RegExp][] = [
    [new Error('x'), /an Error.*value.message/],
    [new TypeError('x'), /a TypeError.*value.message/],
    [new URLSearchParams('a=1'), /a URLSearchParams.*fromEntries/],
    [new Headers(), /a Headers.*fromEntries/],
    [new FormData(), /a FormData.*fromEntries/],
    [Buffer.from('x'), /a Buffer.*base64/],
    [new Blob(['x']), /a Blob/],
    [new ArrayBuffer(1), /an ArrayBuffer.*base64/],
    [new DataView(new ArrayBuffer(1)), /a DataView/],
    [new Date(NaN), /an invalid Date.*null/],
    [Object.assign([1], { total: 5 }), /array with named properties/],
    [Array(3), /undefined.*null/],
    [[undefined], /undefined.*null/],
    [new List(1, 2), /a List/],
    [{ [Symbol('x')]: 1 }, /key is a symbol/],
    [Object.assign([1], { [Symbol('x')]: 1 }), /named properties/],
    [new Secret(), /a Secret.*plain object/],
    [new Row(), /a Row.*plain object/],
    [Object.create({ a: 1 }), /plain object/],
    [new Map(), /a Map.*fromEntries/],
    [new Set(), /a Set.*\[\.\.\.value\]/],
    [new WeakMap(), /a WeakMap/],
    [new WeakSet(), /a WeakSet/],
    [new URL('http://x'), /a URL.*String/],
    [Object('x'), /a String.*String/],
    [Promise.resolve(), /a Promise.*await/],
    [/x/, /a RegExp.*String/],
    [
      {
        toJSON () {
          return 1
        }
      },
      /toJSON/
    ],
    [new AbortController().signal, /an AbortSignal/],
    [
      {
        get a () {
          return () => 1
        }
      },
      /a function/
    ],
    [-Infinity, /-Infinity.*null/],
    [1n, /bigint.*String/],
    [new Proxy(new Map(), {}), /a Map/]
  ]
  for (const [value, problem] of changed) {
    t.throws(() => encodeValue('cart', value), { code: 'FST_SESSION_INVALID_DATA', message: problem }, String(problem))
    t.throws(
      () => encodeValue('cart', { items: [{ value }] }),
      { code: 'FST_SESSION_INVALID_DATA', message: '`cart.items[0].value' },
      'and its place is named'
    )
  }
  t.throws(() => encodeValue('cart', runInNewContext('new Map()')), { message: /a Map.*fromEntries/ })
  let deep: unknown = 1
  for (let n = 0; n < 100_000; n++) deep = [deep]
  t.throws(() => encodeValue('cart', deep), { code: 'FST_SESSION_INVALID_DATA', message: /nested more than 500/ })
  for (const [value, why] of [
    [1n, 'a bigint'],
    [() => 1, 'a function'],
    [Symbol('x'), 'a symbol'],
    [NaN, 'NaN'],
    [[Infinity], 'Infinity'],
    [new Map(), 'a Map'],
    [{ s: new Set() }, 'a Set'],
    [new Uint8Array(1), 'a Uint8Array'],
    [/x/, 'a RegExp'],
    [Promise.resolve(), 'a Promise'],
    [cycle, 'refers to itself']
  ] as const) {
    t.throws(() => encodeValue('cart', value), { code: 'FST_SESSION_INVALID_DATA', message: new RegExp(`\`cart\\S*\` (holds )?${why}`) })
  }
  t.throws(() => encodeData({ small: 1, big: 'x'.repeat(65_536) }), { code: 'FST_SESSION_DATA_TOO_LARGE', message: /most of it in `big`/ })
  for (const text of ['null', '""', '[]', '{}']) t.ok(isEmptyText(text))
  t.notOk(isEmptyText('0'))
})

t.test('every field of a filter decides', async t => {
  const yes: Filter[] = [
    {},
    { userId: 'ada' },
    { guest: false },
    { remembered: true },
    { ip: '192.0.2.7' },
    { ip: '192.0.2.0/24' },
    { browser: 'firefox' },
    { os: 'LINUX' },
    { createdAfter: 100 },
    { createdBefore: 101 },
    { lastSeenAfter: 200, lastSeenBefore: 201 },
    { minRequests: 7, maxRequests: 7 },
    { search: 'ADA' },
    { search: '192.0.2' },
    { search: 'firefox' },
    { search: 'laptop' },
    { search: 'aaaa' }
  ]
  const no: Filter[] = [
    { userId: 'Ada' },
    { guest: true },
    { remembered: false },
    { ip: '192.0.2.8' },
    { ip: '2001:db8::/32' },
    { browser: 'fire' },
    { os: 'Windows' },
    { createdAfter: 101 },
    { createdBefore: 100 },
    { lastSeenAfter: 201 },
    { lastSeenBefore: 200 },
    { minRequests: 8 },
    { maxRequests: 6 },
    { search: 'grace' }
  ]
  for (const session of [record, ended]) {
    for (const filter of yes) t.ok(compileFilter(filter)(session), JSON.stringify(filter))
    for (const filter of no) t.notOk(compileFilter(filter)(session), JSON.stringify(filter))
  }
  t.ok(compileFilter({ expiresAfter: 1200, expiresBefore: 1201 })(record))
  for (const filter of [
    { expiresAfter: 1201 },
    { expiresBefore: 1200 },
    { reason: 'logout' },
    { endedAfter: 0 },
    { endedBefore: 9999 }
  ] as Filter[]) { t.notOk(compileFilter(filter)(record)) }
  for (const filter of [{ reason: 'logout' }, { endedAfter: 900, endedBefore: 901 }] as Filter[]) t.ok(compileFilter(filter)(ended))
  for (const filter of [
    { reason: 'idle-timeout' },
    { endedAfter: 901 },
    { endedBefore: 900 },
    { expiresAfter: 0 },
    { expiresBefore: 9999 }
  ] as Filter[]) { t.notOk(compileFilter(filter)(ended)) }
  t.ok(compileFilter({ guest: true })(guest))
  for (const filter of [{ ip: '192.0.2.7' }, { browser: 'firefox' }, { os: 'linux' }, { search: 'ada' }] as Filter[]) { t.notOk(compileFilter(filter)(guest)) }
  t.ok(compileFilter({ ip: '2001:db8::/32' })({ ...record, ip: '2001:db8::1' }))
  for (const ip of ['', 'x', '1.2.3.4/33', '1.2.3.4/', '1.2.3.4/x', '::1/129', '1.2.3.4/8/8', '300.1.1.1']) { t.throws(() => compileFilter({ ip }), { code: 'FST_SESSION_INVALID_FILTER' }, ip) }
})

t.test('sessions are ordered by age, then id', async t => {
  const at = (createdAt: number, id: string) => ({ createdAt, id })
  t.strictSame([at(2, 'a'), at(1, 'b'), at(1, 'a'), at(1, 'a')].sort(byAge), [at(1, 'a'), at(1, 'a'), at(1, 'b'), at(2, 'a')])
})

t.test('keys of different purposes, names and secrets differ', async t => {
  const keys = [deriveKeys(['s1', 's2'], 'cookie', 'a'), deriveKeys(['s1'], 'cookie', 'b'), deriveKeys(['s1'], 'cursor', 'a')]
    .flat()
    .map(key => key.toString('hex'))
  t.equal(new Set(keys).size, 4)
})

t.test('another site is told by Sec-Fetch-Site, then by Origin, exactly', async t => {
  const from = (headers: Record<string, string>) => isCrossOrigin({ method: 'POST', protocol: 'https', host: 'app.example:8443', headers })
  for (const headers of [
    {},
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://app.example:8443' },
    { origin: 'https://APP.example:8443' },
    { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }
  ]) { t.notOk(from(headers)) }
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': '' },
    { origin: 'null' },
    { origin: 'http://app.example:8443' },
    { origin: 'https://app.example' },
    { origin: 'https://app.example:8443.evil.example' }
  ]) { t.ok(from(headers)) }
  for (const [protocol, host] of [
    ['http', 'app.example:80'],
    ['https', 'app.example:443']
  ] as const) {
    t.notOk(
      isCrossOrigin({ method: 'POST', protocol, host, headers: { origin: `${protocol}://app.example` } }),
      'a port that goes without saying'
    )
  }
  t.strictSame(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(isSafe), ['GET', 'HEAD', 'OPTIONS', 'TRACE'])
})

t.test('floods emit one event at once, then one event a minute with a count, for each type, user and network', async t => {
  const emitted: unknown[] = []
  const emitter = new SessionEventEmitter(() => {})
  emitter.on('*', event => { emitted.push([event.type, 'ip' in event ? event.ip : event.id, 'count' in event ? event.count : 0]) })
  const throttle = new EventThrottle(emitter, ipGroupOf)
  const forge = (ip: string | null, at = 0, userId: string | null = null): void => {
    throttle.emit({ type: 'bad-signature', at, id: null, userId, ip })
  }
  for (let i = 0; i < 5; i++) forge('1.1.1.1')
  forge('1.1.1.1', 60_000)
  t.strictSame(emitted.splice(0), [['bad-signature', '1.1.1.1', 1], ['bad-signature', '1.1.1.1', 5]])
  for (let i = 0; i < 1000; i++) forge(`2001:db8::${i.toString(16)}`)
  forge('2001:db8::ffff', 60_000)
  t.strictSame(
    emitted.splice(0),
    [
      ['bad-signature', '2001:db8::0', 1],
      ['bad-signature', '2001:db8::ffff', 1000]
    ],
    'a client has a whole /64'
  )
  forge('1.1.1.1', -90_000)
  forge('1.1.1.1', -90_000, 'ada')
  throttle.emit({ type: 'record-corrupt', at: 0, id: 'one', userId: null, part: 'record' })
  throttle.emit({ type: 'record-corrupt', at: 0, id: 'two', userId: null, part: 'record' })
  throttle.emit({ type: 'record-corrupt', at: 0, id: 'two', userId: null, part: 'record' })
  t.equal(emitted.splice(0).length, 4, 'a clock that goes back, another user, another session')
  for (let i = 0; i < 10_001; i++) forge(String(i))
  forge(null)
  t.equal(emitted.length, 10_002)
})
