// values are decoded once and copied for each request: what a request does to its copy stays in it, and every change is noticed
import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import { copyValue, DecodedDataCache, isSameValue, noDecodedData } from '../../lib/session/decoded-data.ts'
import { TrackedData } from '../../lib/session/tracked-data.ts'
import { noData } from '../../lib/model/record.ts'
import { testApp } from '../helpers/app.ts'

type Data = Record<string, unknown>

const text = '{"id":"1","roles":["reader","writer"],"address":{"city":"Ulm","lines":[{"n":1},null]},"n":1.5,"ok":true,"none":null}'
const copy = (): Data => copyValue(JSON.parse(text)) as Data

/** Returns what a handler's change of the key `user` writes; `null`: nothing. */
function written (change: (user: Data) => void): string | null | undefined {
  const data = new TrackedData<Data>({})
  data.load(new DecodedDataCache().of('an id of a session', { user: text }))
  change(data.object['user'] as Data)
  const changes = data.changes()
  return changes === null ? null : changes.set['user']
}

t.test('a copy that nothing changed is the same, and is not encoded', async t => {
  const calls = t.capture(JSON, 'stringify', JSON.stringify)
  t.equal(written(() => {}), null)
  t.equal(calls().length, 0)
})

const changes: Readonly<Record<string, (user: Data) => void>> = {
  'a value': user => { user['n'] = 2 },
  'a key that is added': user => { user['more'] = 1 },
  'a key that is deleted': user => { delete user['none'] },
  'a key that becomes undefined': user => { user['none'] = undefined },
  'the order of keys': user => { delete user['id']; user['id'] = '1' },
  'an element that is added': user => { (user['roles'] as string[]).push('admin') },
  'an element that is removed': user => { (user['roles'] as string[]).pop() },
  'the order of elements': user => { (user['roles'] as string[]).reverse() },
  'a value deep inside': user => { ((user['address'] as { lines: Data[] }).lines[0] as Data)['n'] = 2 },
  'null in place of an object': user => { user['address'] = null },
  'an object in place of null': user => { user['none'] = {} },
  'an array in place of an object': user => { user['address'] = [] },
  'an object in place of an array': user => { user['roles'] = { 0: 'reader', 1: 'writer' } },
  'a text in place of a number': user => { user['n'] = '1.5' }
}
for (const [what, change] of Object.entries(changes)) {
  t.test(`${what} is noticed`, async t => {
    const expected = copy()
    change(expected)
    t.equal(written(change), JSON.stringify(expected))
  })
}

t.test('a value that is encoded alike is no change', async t => {
  t.equal(written(user => { user['address'] = JSON.parse(JSON.stringify(user['address'])) }), null)
  t.equal(written(user => { user['extra'] = undefined }), null)
  t.equal(written(user => { Object.setPrototypeOf(user, null) }), null)
})

t.test('what JSON would lose is refused, also where nothing else changed', async t => {
  const refused: Readonly<Record<string, (user: Data) => void>> = {
    'a property whose key is a symbol': user => { Object.assign(user, { [Symbol('s')]: 1 }) },
    'an array with named properties': user => { Object.assign(user['roles'] as object, { name: 1 }) },
    'a class|URL': user => { Object.setPrototypeOf(user, new URL('http://localhost/')) },
    'holds NaN': user => { user['n'] = NaN },
    'holds a function': user => { user['n'] = () => {} }
  }
  for (const [what, change] of Object.entries(refused)) {
    t.throws(() => written(change), { code: 'FST_SESSION_INVALID_DATA', message: new RegExp(`user.*${what}`) }, what)
  }
  t.throws(() => written(user => { Object.assign(user['roles'] as object, { [Symbol('s')]: 1 }) }), { code: 'FST_SESSION_INVALID_DATA' })
})

t.test('a key named __proto__ is copied as a key', async t => {
  const value = JSON.parse('{"__proto__":{"admin":true},"a":[{"__proto__":1}]}') as object
  const copied = copyValue(value) as { admin?: boolean }
  t.equal(JSON.stringify(copied), JSON.stringify(value))
  t.equal(copied.admin, undefined)
  t.ok(isSameValue(copied, value))
})

t.test('data is decoded once, for each text that is new', async t => {
  const cache = new DecodedDataCache()
  const calls = t.capture(JSON, 'parse', JSON.parse)
  const parses = (id: string, data: Readonly<Record<string, string>>): number => { cache.of(id, data); return calls().length }
  const data = { a: '{"a":1}', b: '[2]' }
  t.equal(parses('session 1', data), 2)
  t.equal(parses('session 1', data), 0, 'the same record')
  t.equal(parses('session 1', { ...data }), 0, 'the same texts, read again')
  t.equal(parses('session 1', { ...data, b: '[3]' }), 1, 'one key has changed')
  t.equal(parses('session 1', { a: '{"a":1}' }), 0, 'a key is gone')
  t.strictSame(cache.of('session 1', { a: '{"a":1}' }).keys, ['a'])
  t.equal(parses('session 2', data), 2)
  cache.delete('session 2')
  t.equal(parses('session 2', data), 2)
  t.equal(cache.of('session 2', noData), noDecodedData)
  t.throws(() => cache.of('session 3', { a: '{' }), SyntaxError)
})

t.test('a reserved key that another version stored is neither a property nor a change', async t => {
  const data = new TrackedData<Data>({})
  data.load(new DecodedDataCache().of('an id of a session', { logout: '1', a: '2' }))
  t.strictSame([data.object, data.changes()], [{ a: 2 }, null])
  data.object['a'] = 3
  t.same(data.changes()?.all, { a: '3' })
})

t.test('two requests at once have data of their own', async t => {
  let other: Data | null = null
  const { send, signIn } = await testApp(t, { store: memoryStore() }, app => {
    app.get('/set', async ({ session }) => { session.set('basket', { items: ['tea'] }); return {} })
    app.get('/keep', async ({ session }) => {
      const basket = session.get('basket') as Data
      const seen = JSON.stringify(basket)
      if (other !== null) t.not(basket, other)
      other = basket
      // not saved: the handler throws
      ;(basket['items'] as string[]).push('stolen')
      throw Object.assign(new Error(seen), { statusCode: 418 })
    })
  })
  const cookie = await signIn()
  await send('/set', { cookie })
  for (let i = 0; i < 3; i++) t.equal((await send('/keep', { cookie })).json().message, '{"items":["tea"]}')
})
