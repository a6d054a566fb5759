import { BlockList, isIPv6 } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { compileFilter } from '../../lib/model/filter.ts'
import { compileNetwork } from '../../lib/model/ip-network.ts'

const family = (ip: string) => isIPv6(ip) ? 'ipv6' : 'ipv4'
const short = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 }).map(bytes => bytes.join('.'))
/** Near each other often enough to lie in one network. */
const near = fc.array(fc.constantFrom(0, 1, 10, 127, 128, 255), { minLength: 4, maxLength: 4 }).map(bytes => bytes.join('.'))
const groups = fc.array(fc.constantFrom('0', '1', 'ffff', '8000', '2001', 'db8'), { minLength: 8, maxLength: 8 }).map(all => all.join(':'))
const address = fc.oneof(short, near, fc.ipV6(), groups, near.map(ip => `::ffff:${ip}`))

t.test('an address lies in a network where node:net says so', t => {
  fc.assert(fc.property(address, fc.integer({ min: 0, max: 128 }), fc.array(address), (base, bits, ips) => {
    const most = family(base) === 'ipv6' ? 128 : 32
    const prefix = bits % (most + 1)
    const list = new BlockList()
    list.addSubnet(base, prefix, family(base))
    const inNetwork = compileNetwork(`${base}/${prefix}`)
    for (const ip of [base, ...ips]) t.equal(inNetwork?.(ip), list.check(ip, family(ip)), `${ip} in ${base}/${prefix}`)
  }), { numRuns: 2000 })
  t.end()
})

t.test('what is no address lies in no network, and makes none', t => {
  for (const network of ['0.0.0.0/0', '::/0', '192.0.2.1']) {
    for (const text of [
      '',
      '192.0.2',
      '192.0.2.1.',
      '192.0.2.1.5',
      '192.0..1',
      '192.0.2.256',
      '192.0.2.01',
      '192.0.2.1x',
      ':::',
      'q-8nE0vZQ1aZc3mVbG3nLw',
      '2001:db8::x'
    ]) { t.notOk(compileNetwork(network)?.(text), `${text} in ${network}`) }
  }
  for (const text of [
    '',
    'x',
    '192.0.2.256',
    '192.0.2.01',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/x',
    '2001:db8::/129',
    '192.0.2.0/24/7',
    '::ffff:192.0.2.0.1'
  ]) { t.equal(compileNetwork(text), null, text) }
  t.ok(compileNetwork('fe80::1%eth0')?.('fe80::1'), 'a zone names an interface of one machine')
  t.throws(() => compileFilter({ ip: 'x' }), { code: 'FST_SESSION_INVALID_FILTER' })
  t.end()
})
