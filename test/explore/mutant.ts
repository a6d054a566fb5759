import { copiesPlace, memoryPlace } from './engines.ts'
import { explore, newReport, scenes, showing } from './explore.ts'
import type { Finding, Report } from './explore.ts'
import type { PlantedBug } from './mutants.ts'

/** Plays a store with one bug until the model says so. `hinted`: only by those who are known to bring it to light. */
export async function hunt (
  bug: PlantedBug,
  { hinted }: { readonly hinted: boolean }
): Promise<{ readonly finding: Finding | undefined; readonly report: Report }> {
  const report = newReport()
  const { copies = false } = bug
  const only = hinted ? { only: (name: string) => bug.cast.includes(name) } : {}
  for (const scene of scenes(2, { copies, ...only })) {
    await explore(copies ? copiesPlace() : memoryPlace(), scene, report, { plant: bug.plant, until: bug.shows })
    const finding = showing(report, bug.shows)
    if (finding !== undefined) return { finding, report }
  }
  return { finding: undefined, report }
}
