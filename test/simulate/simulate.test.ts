import t from 'tap'
import { planFor, randomFrom } from './plan.ts'
import { contenders } from './policies.ts'
import { play, theftIn } from './simulate.ts'

t.test('nobody is signed out for crashes, lost answers, parallel requests and tabs; thieves are found', async t => {
  const [ours, hasty] = contenders
  if (ours === undefined || hasty === undefined) throw new Error('expected contenders')
  let signedOut = 0
  let hastily = 0
  let stolen = 0
  let detected = 0
  for (let user = 0; user < 200; user++) {
    const random = randomFrom(user)
    // more goes wrong than in the benchmark
    const plan = planFor(random, { restores: 20, lost: 10, crashed: 30 })
    signedOut += play(plan, ours).signedOut
    hastily += play(plan, hasty).signedOut
    const theft = play(plan, ours, theftIn(plan, random))
    if (theft.letIn > 0) stolen++
    if (theft.letIn > 0 && theft.detected) detected++
  }
  t.equal(signedOut, 0)
  t.ok(hastily > 0, 'a policy that does not wait for the disk does sign out')
  t.ok(stolen > 100)
  t.ok(detected > stolen * 0.9, `${detected} of ${stolen}`)
})
