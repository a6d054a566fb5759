import { laws } from '../../lib/testing/index.ts'
import type { NewGround } from '../../lib/testing/index.ts'

type Test = { test: (name: string, fn: (t: Test) => Promise<void>) => Promise<unknown>, pass: (message: string) => unknown }

/** Runs every law of the contract on grounds of one engine. */
export async function keepsTheLaws (t: Test, newGround: NewGround): Promise<void> {
  for (const law of laws) {
    await t.test(law.name, async t => {
      await law.run(newGround)
      t.pass('kept')
    })
  }
}
