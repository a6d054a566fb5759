import { SessionSearch } from '../../dist/lib/admin/search.js'
import { parseQuery } from '../../dist/lib/admin/query.js'
import { BulkRevocation } from '../../dist/lib/admin/bulk-revocation.js'
import { day } from '../record.js'
import { person, upload } from './people.js'

/** A filter of each kind, as the admin routes take it. */
export function filters (now, id) {
  const hours = count => now - count * 3_600_000
  return {
    'no filter': {},
    userId: { userId: 'user 77' },
    guest: { guest: true },
    remembered: { remembered: true },
    'ip, IPv4 address': { ip: person(77, 1000, now).ip },
    'ip, IPv4 /24': { ip: `${person(77, 1000, now).ip}/24` },
    'ip, IPv4 /16': { ip: '10.1.0.0/16' },
    'ip, unused IPv4 network': { ip: '192.0.2.0/24' },
    'ip, IPv6 address': { ip: person(79, 1000, now).ip },
    'ip, IPv6 /48': { ip: '2001:db8:1::/48' },
    browser: { browser: 'Firefox' },
    os: { os: 'Windows' },
    'createdAfter, an hour ago': { createdAfter: hours(1) },
    'createdBefore, 10 days minus 1 hour ago': { createdBefore: hours(239) },
    'lastSeenAfter, an hour ago': { lastSeenAfter: hours(1) },
    'lastSeenBefore, nine days ago': { lastSeenBefore: hours(216) },
    'expiresAfter, in 11½ days': { expiresAfter: now + 11.5 * day },
    'expiresBefore, in 2½ days': { expiresBefore: now + 2.5 * day },
    minRequests: { minRequests: 990 },
    maxRequests: { maxRequests: 9 },
    'search, a user id': { search: 'user 770' },
    'search, a name': { search: 'work laptop' },
    'search, the start of an id': { search: id.slice(0, 8) },
    'search, no match': { search: 'no such user' },
    'browser and lastSeenAfter': { browser: 'Firefox', lastSeenAfter: hours(1) },
    'at, a day ago': { at: hours(24) },
    'state: ended': { state: 'ended' },
    'ended, userId': { state: 'ended', userId: 'user 70' },
    reason: { reason: 'revoked' },
    'endedAfter, an hour ago': { endedAfter: hours(1) },
    'endedBefore, an hour ago': { endedBefore: hours(1) },
    'ended, ip /16': { state: 'ended', ip: '10.1.0.0/16' },
    'ended, search': { state: 'ended', search: 'user 770' }
  }
}

/** Runs a filter: its first page, and its count. */
export function lookAt (manager, input) {
  const search = new SessionSearch(manager)
  const query = parseQuery(input)
  return {
    page: () => search.list(query, { limit: 50, cursor: null, order: 'newest' }),
    count: () => search.count(query)
  }
}

/** The other admin work, in order. `again`: it is read-only and may be repeated. `count`: returns the number of sessions in a result. */
export async function deeds (manager, { total, now }) {
  const search = new SessionSearch(manager)
  const all = parseQuery({})
  const ended = parseQuery({ state: 'ended' })
  const page = (query, order, cursor = null, limit = 50) => search.list(query, { limit, cursor, order })
  let deep = null
  for (let i = 0; i < Math.min(50, total / 400); i++) ({ cursor: deep } = await page(all, 'newest', deep, 200))
  const rows = upload(Math.min(20_000, total), now)
  const revocation = new BulkRevocation(manager, search)
  const network = parseQuery({ ip: '10.0.0.0/12' })
  const revoker = { by: 'admin', ownSession: null }
  let token
  const again = true
  const items = ({ items }) => items.length
  return {
    'page of 50, newest first': { again, run: () => page(all, 'newest'), count: items },
    'page of 50, oldest first': { again, run: () => page(all, 'oldest'), count: items },
    'page of 200': { again, run: () => page(all, 'newest', null, 200), count: items },
    'page of 50, after 10,000 others': { again, run: () => page(all, 'newest', deep), count: items },
    'page of 50 ended, newest first': { again, run: () => page(ended, 'newest'), count: items },
    'page of 50 ended, oldest first': { again, run: () => page(ended, 'oldest'), count: items },
    'sessions of a user': { again, run: () => manager.listByUser('user 77'), count: ({ length }) => length },
    'one session, by id': {
      again,
      run: async () => {
        const {
          items: [{ id }]
        } = await page(all, 'newest', null, 1)
        return manager.get(id)
      },
      count: () => 1
    },
    ...Object.fromEntries(
      ['1h', '24h', '7d', '30d'].map(range => [
        `statistics of ${range}`,
        { again, run: () => manager.statistics(range), count: () => undefined }
      ])
    ),
    'export of all': { run: () => drained(manager.export({ data: true })), count: Number },
    'export of a network, 1/16': { run: () => drained(manager.export({ filter: network.filter, data: true })), count: Number },
    'export of ended sessions': { run: () => drained(manager.export({ state: 'ended', data: true })), count: Number },
    'import, dry run': { run: () => manager.import(rows(), { dryRun: true }), count: report => report.imported },
    import: { run: () => manager.import(rows()), count: report => report.imported },
    'import again (all skipped)': { run: () => manager.import(rows()), count: report => report.skipped },
    'revoke by network, preview': {
      again,
      run: async () => {
        const preview = await revocation.preview(network, revoker)
        ;({ token } = preview)
        return preview
      },
      count: ({ count }) => count
    },
    'revoke by network, one call': {
      run: () => revocation.run(network, { token, cursor: null }, revoker),
      count: ({ revoked }) => revoked
    },
    'revoke by network, all': { run: () => revoked(cursor => revocation.run(network, { token, cursor }, revoker)), count: Number },
    'revoke a user': { run: () => manager.revokeUser('user 78', { by: 'admin' }), count: ({ length }) => length },
    'cleanup, nothing due': { run: () => manager.cleanup(), count: Number }
  }
}

/** As the export route writes them. */
async function drained (rows) {
  let [count, bytes] = [0, 0]
  for await (const row of rows) {
    bytes += JSON.stringify(row).length
    count += Math.sign(bytes)
  }
  return count
}

async function revoked (run) {
  let total = 0
  for (let cursor = null, first = true; first || cursor !== null; first = false) {
    const done = await run(cursor)
    total += done.revoked
    cursor = done.cursor
  }
  return total
}
