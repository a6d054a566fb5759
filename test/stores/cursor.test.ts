import t from 'tap'
import { SessionError } from '../../lib/index.ts'
import { decodePosition, encodeCursor } from '../../lib/stores/cursor.ts'

t.test('an error whose gaps nobody fills has none', t => {
  t.equal(new SessionError('FST_SESSION_ENDED').message, 'The session has ended (). Sign in again.')
  t.equal(new SessionError('FST_SESSION_ENDED', { values: ['idle-timeout'], cause: 'why' }).cause, 'why')
  t.end()
})

t.test('a cursor is of one list, whatever the order in which its filter is written', t => {
  const scope = { list: 'live', filter: { userId: 'ada', remembered: true, ip: '192.0.2.1' }, order: 'newest' } as const
  const cursor = encodeCursor(scope, [5, 'id'])
  t.strictSame(decodePosition({ ...scope, filter: { ip: '192.0.2.1', remembered: true, userId: 'ada' } }, cursor), [5, 'id'])
  t.throws(() => decodePosition({ ...scope, order: 'oldest' }, cursor), { code: 'FST_SESSION_INVALID_CURSOR' })
  for (const strange of [[], ['x'], [5], [5, 6], ['x', 'id'], [5, 'id', 1]]) { t.throws(() => decodePosition(scope, encodeCursor(scope, strange)), { code: 'FST_SESSION_INVALID_CURSOR' }, JSON.stringify(strange)) }
  for (const strange of ['{}', '{', 'null']) { t.throws(() => decodePosition(scope, Buffer.from(strange).toString('base64url')), { code: 'FST_SESSION_INVALID_CURSOR' }, strange) }
  t.throws(() => decodePosition(scope, `${cursor}=`), { code: 'FST_SESSION_INVALID_CURSOR' })
  t.equal(decodePosition(scope, null), null)
  t.end()
})
