import type { Law } from './environment.ts'
import { activityLaws } from './laws/activity.ts'
import { adoptionLaws } from './laws/adoption.ts'
import { dataLaws } from './laws/data.ts'
import { endingLaws } from './laws/ending.ts'
import { existenceLaws } from './laws/existence.ts'
import { expiryLaws } from './laws/expiry.ts'
import { filterLaws } from './laws/filter.ts'
import { isolationLaws } from './laws/isolation.ts'
import { limitLaws } from './laws/limit.ts'
import { pageLaws } from './laws/page.ts'
import { rotationLaws } from './laws/rotation.ts'
import { subscriptionLaws } from './laws/subscribe.ts'

/**
 * The conformance tests of a store, each with the number of its guarantee (law). Run each in environments of your own, in any test runner:
 * `for (const law of storeConformanceTests) test(law.name, () => law.run(createEnvironment))`.
 */
export const storeConformanceTests: readonly Law[] = [
  ...expiryLaws,
  ...existenceLaws,
  ...limitLaws,
  ...rotationLaws,
  ...dataLaws,
  ...activityLaws,
  ...endingLaws,
  ...subscriptionLaws,
  ...pageLaws,
  ...filterLaws,
  ...adoptionLaws,
  ...isolationLaws
]
