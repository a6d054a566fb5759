import { SessionError } from '../../lib/errors.ts'
import { RowError } from '../../lib/manager/transfer.ts'
import { randomFrom } from '../simulate/plan.ts'
import { Hostile } from './hostile.ts'
import { units } from './units.ts'
import type { Unit } from './units.ts'

/** What became of the inputs of one kind. */
export interface Tally {
  readonly name: string
  inputs: number
  /** Refused, with an error that has a code. */
  refused: number
  readonly thrown: { readonly input: unknown, readonly error: unknown }[]
}

/** Feeds so many inputs to the code that reads what strangers send. The same seed gives the same inputs. */
export async function fuzzUnits (count: number, seed: number): Promise<Tally[]> {
  const tallies: Tally[] = []
  for (const [nth, unit] of units.entries()) {
    const hostile = new Hostile(randomFrom(seed + nth * 7919))
    const tally: Tally = { name: unit.name, inputs: 0, refused: 0, thrown: [] }
    for (const inputs = Math.ceil(count * unit.share / 1000); tally.inputs < inputs; tally.inputs++) await feed(unit, hostile, tally)
    tallies.push(tally)
  }
  return tallies
}

async function feed (unit: Unit, hostile: Hostile, tally: Tally): Promise<void> {
  const input = unit.make(hostile)
  try {
    const answer = unit.feed(input as never)
    if (answer instanceof Promise) await answer
  } catch (error) {
    if (error instanceof SessionError || error instanceof RowError) tally.refused++
    else tally.thrown.push({ input, error })
  }
}

/** Nanoseconds per character of ever longer inputs of one shape: the same all along, if time is linear. */
export function growth (
  feedIn: (text: string) => unknown,
  shape: (length: number) => string
): { readonly length: number; readonly perCharacter: number }[] {
  return [1000, 4000, 16_000, 64_000, 256_000].map(length => {
    const text = shape(length)
    let best = Infinity
    for (let i = 0; i < 7; i++) {
      const started = process.hrtime.bigint()
      feedIn(text)
      best = Math.min(best, Number(process.hrtime.bigint() - started))
    }
    return { length, perCharacter: best / length }
  })
}
