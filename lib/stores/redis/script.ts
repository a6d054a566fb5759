import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RedisClient, Reply } from './client.ts'

const shared = read('shared')
const ending = read('ending')

/**
 * A Lua script. It is sent by its digest, and in full to a server that does not have it (after a restart, or after its scripts were
 * flushed).
 */
export class Script {
  readonly #text: string
  readonly #digest: string
  readonly #indexes: readonly string[] | null

  /**
   * @param name of the file beside this one, without `.lua`
   * @param indexes what it touches in a shard besides the keys of a call; `null`: it touches one key only, which each call names
   */
  constructor (name: string, indexes: readonly string[] | null) {
    this.#indexes = indexes
    this.#text = `${shared}\nlocal function main()\n${read(name)}\nend\n${ending}`
    this.#digest = createHash('sha1').update(this.#text).digest('hex')
  }

  /** Returns KEYS for a shard, as shared.lua describes them. `own`: the suffixes of the keys that this call uses. */
  keysOf (base: string, own: readonly string[]): string[] {
    const keys = own.map(suffix => base + suffix)
    return this.#indexes === null ? keys : [base, ...this.#indexes.map(suffix => base + suffix), ...keys]
  }

  /** Runs with the keys of a shard, or, without a cluster, of several: the reply then has one entry for each. */
  async run (client: RedisClient, keys: readonly string[], args: readonly string[]): Promise<readonly Reply[]> {
    const [first = ''] = keys
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await client.command(first, ['evalsha', this.#digest, ...rest]) as readonly Reply[]
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await client.command(first, ['eval', this.#text, ...rest]) as readonly Reply[]
    }
  }
}

/** The suffixes of keys that shared.lua describes. */
const [live, history, slices] = [['i', 'x', 'c'], ['r', 'e'], ['o', 'oa', 'ou']] as const

/** Every script of the store. */
export const scripts = {
  create: new Script('create', [...live, ...history]),
  touch: new Script('touch', ['n']),
  touchOne: new Script('touch', null),
  update: new Script('update', null),
  updateDeadline: new Script('update', ['x']),
  end: new Script('end', [...live, ...history]),
  endUser: new Script('end-user', [...live, ...history]),
  reassert: new Script('reassert', [...live, ...history]),
  cleanup: new Script('cleanup', [...live, ...history, 'm', 'a', 'n', ...slices]),
  deleteHistory: new Script('delete-history', history),
  page: new Script('page', null),
  count: new Script('count', ['x']),
  statistics: new Script('statistics', ['i', 'c']),
  saveStatistics: new Script('save-statistics', slices),
  slices: new Script('slices', slices),
  time: new Script('time', [])
}

function read (name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')
}
