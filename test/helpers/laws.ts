import { storeConformanceTests } from '../../lib/testing/index.ts'
import type { CreateEnvironment } from '../../lib/testing/index.ts'

type Test = { test: (name: string, fn: (t: Test) => Promise<void>) => Promise<unknown>, pass: (message: string) => unknown }

/** Runs every conformance test on environments of one engine. */
export async function passesConformanceTests (t: Test, createEnvironment: CreateEnvironment): Promise<void> {
  for (const law of storeConformanceTests) {
    await t.test(law.name, async t => {
      await law.run(createEnvironment)
      t.pass('kept')
    })
  }
}
