import type { Law } from './environment.ts'
import { activityLaws } from './laws/activity.ts'
import { adoptionLaws } from './laws/adoption.ts'
import { dataLaws } from './laws/data.ts'
import { endingLaws } from './laws/ending.ts'
import { existenceLaws } from './laws/existence.ts'
import { expiryLaws } from './laws/expiry.ts'
import { filterLaws } from './laws/filter.ts'
import { apartLaws } from './laws/isolation.ts'
import { limitLaws } from './laws/limit.ts'
import { pageLaws } from './laws/page.ts'
import { rotationLaws } from './laws/rotation.ts'
import { watchLaws } from './laws/subscribe.ts'

/**
 * The conformance suite of a store: every law, each with a number of the contract's ten. Run each on grounds of your own, in any test
 * runner: `for (const law of laws) test(law.name, () => law.run(newGround))`.
 */
export const laws: readonly Law[] = [
  ...expiryLaws,
  ...existenceLaws,
  ...limitLaws,
  ...rotationLaws,
  ...dataLaws,
  ...activityLaws,
  ...endingLaws,
  ...watchLaws,
  ...pageLaws,
  ...filterLaws,
  ...adoptionLaws,
  ...apartLaws
]
