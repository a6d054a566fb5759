import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RedisClient, Reply } from './client.ts'

const shared = read('shared')
const ending = read('ending')

/** One Lua script: sent by its digest, and in full to a server that does not know it (it restarted, or its scripts were flushed). */
export class Script {
  readonly #text: string
  readonly #digest: string

  /** @param name of the file beside this one, without `.lua` */
  constructor (name: string) {
    this.#text = `${shared}\nlocal function main()\n${read(name)}\nend\n${ending}`
    this.#digest = createHash('sha1').update(this.#text).digest('hex')
  }

  /** Runs in a shard, or, where the server is no cluster, in several at once: the reply then has one entry for each. */
  async run (client: RedisClient, bases: readonly string[], args: readonly string[]): Promise<readonly Reply[]> {
    const [first = ''] = bases
    const rest = [String(bases.length), ...bases, ...args]
    try {
      return await client.command(first, ['evalsha', this.#digest, ...rest]) as readonly Reply[]
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await client.command(first, ['eval', this.#text, ...rest]) as readonly Reply[]
    }
  }
}

/** Every script of the store. */
export const scripts = {
  create: new Script('create'),
  touch: new Script('touch'),
  update: new Script('update'),
  end: new Script('end'),
  endUser: new Script('end-user'),
  reassert: new Script('reassert'),
  cleanup: new Script('cleanup'),
  deleteHistory: new Script('delete-history'),
  page: new Script('page'),
  count: new Script('count'),
  statistics: new Script('statistics'),
  saveStatistics: new Script('save-statistics'),
  slices: new Script('slices')
}

function read (name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')
}
