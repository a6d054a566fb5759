import t from 'tap'
import { Successors } from '../../lib/token/successors.ts'
import { secret } from '../helpers/app.ts'

t.test('what was sent again is remembered until it is old enough', async t => {
  const successors = new Successors([secret], 'name')
  successors.resend('old', 1)
  successors.resend('new', 3)
  successors.forget(2)
  t.strictSame([successors.resentAt('old'), successors.resentAt('new')], [0, 3])
})
