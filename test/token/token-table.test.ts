// The tables that a request looks into: whatever they are told, they know what a Map knows.
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { IdIndex } from '../../lib/stores/memory/id-index.ts'
import { TokenTable, hashOf } from '../../lib/token/token-table.ts'
import type { TableEntry } from '../../lib/token/token-table.ts'
import { newId } from '../../lib/token/token.ts'

function itemOf (key: string): TableEntry {
  return { key, keyHash: hashOf(key) }
}

t.test('ids are found until they are taken out, however many share a place', async () => {
  // few ids, so that they meet again; tails of one part, and of one place in it
  const id = fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('AAAAAAA', 'AAAAABA', 'zzzzzzA', '0123456'))
    .map(([head, tail]) => `${head}${tail}`)
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), id), { maxLength: 60 }), steps => {
    const index = new IdIndex<TableEntry>()
    const known = new Map<string, TableEntry>()
    for (const [adds, id] of steps) {
      const item = known.get(id)
      if (adds && item === undefined) {
        const added = itemOf(id)
        index.add(added)
        known.set(id, added)
      } else if (!adds && item !== undefined) {
        index.delete(item)
        known.delete(id)
      }
      if (index.size !== known.size) return false
    }
    return ['a', 'b', 'c', 'd']
      .flatMap(head => ['AAAAAAA', 'AAAAABA', 'zzzzzzA', '0123456'].map(tail => head + tail))
      .every(id => index.get(id) === known.get(id))
  }), { numRuns: 500 })
})

t.test('an index of many ids grows, and shrinks again', async t => {
  const index = new IdIndex<TableEntry>()
  const items = Array.from({ length: 20_000 }, (_, i) => itemOf(newId(i % 256, 1_800_000_000_000)))
  for (const item of items) index.add(item)
  t.ok(items.every(item => index.get(item.key) === item))
  t.equal(index.get(newId(0, 0)), undefined)
  for (const item of items.slice(100)) index.delete(item)
  t.equal(index.size, 100)
  t.ok(items.every((item, i) => index.get(item.key) === (i < 100 ? item : undefined)))
})

t.test('a table compares all of a text', async t => {
  const table = new TokenTable<TableEntry>()
  const values = Array.from({ length: 1000 }, () => randomBytes(84).toString('base64'))
  for (const value of values) table.set(value, itemOf(value))
  t.ok(values.every(value => table.get(value)?.key === value))
  t.equal(table.get(`${(values[0] as string).slice(0, -1)}x`), undefined)
  t.equal(table.get(`x${(values[0] as string).slice(1)}`), undefined)
})

t.test('the place of a text shorter than seven characters is found, too', async t => {
  const index = new IdIndex<TableEntry>()
  const items = ['', 'a', 'ab', 'abcdef'].map(itemOf)
  for (const item of items) index.add(item)
  for (const item of items) t.equal(index.get(item.key), item)
})

t.test('keys that a client chose to share a run of slots take no longer probes than others', async t => {
  // the source is public, and the seed is not: another instance of the module is what a client knows
  const attacker = await import(new URL('../../lib/token/token-table.ts?attacker', import.meta.url).href) as { hashOf: typeof hashOf }
  let probes = 0
  const probed = (key: string): TableEntry => {
    const keyHash = hashOf(key)
    return { key, get keyHash () { probes++; return keyHash } }
  }
  const values = Array.from({ length: 40_000 }, () => randomBytes(84).toString('base64url'))
  const slotFor = (key: string): number => (attacker.hashOf(key) >>> 6) & 32_767
  const longest = (stored: readonly string[]): number => {
    const table = new TokenTable<TableEntry>()
    for (const key of stored) table.set(key, probed(key))
    return Math.max(...values.filter(key => slotFor(key) < 250).map(key => {
      probes = 0
      table.get(`${key.slice(0, -1)}!`)
      return probes
    }))
  }
  const chosen = values.filter(key => slotFor(key) < 13_000).slice(0, 15_000)
  const most = longest(chosen)
  t.ok(most < 200, `${most} probes with ${chosen.length} chosen keys`)
  t.ok(longest(values.slice(0, chosen.length)) < 200, 'as with keys that are not chosen')
})
