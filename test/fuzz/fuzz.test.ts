import t from 'tap'
import { fuzzUnits } from './fuzz.ts'
import { fuzzRoutes } from './routes.ts'

t.test('whatever strangers send is read, or refused with a code', async t => {
  for (const { name, inputs, thrown } of await fuzzUnits(20_000, 1)) {
    t.strictSame(thrown.slice(0, 3), [], name)
    t.ok(inputs >= 600)
  }
})

t.test('no request is answered with a 5xx', async t => {
  const { failures, statuses } = await fuzzRoutes(1000, 1)
  t.strictSame(failures.slice(0, 3), [])
  for (const status of [200, 400, 401]) t.ok(statuses.has(status), `${status}`)
})
