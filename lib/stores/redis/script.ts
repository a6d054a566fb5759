import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RedisClient, Reply } from './client.ts'

const shared = read('shared')

/** One Lua script: sent by its digest, and in full to a server that does not know it (it restarted, or its scripts were flushed). */
export class Script {
  readonly #text: string
  readonly #digest: string

  /** @param name of the file beside this one, without `.lua` */
  constructor (name: string) {
    this.#text = `${shared}\n${read(name)}`
    this.#digest = createHash('sha1').update(this.#text).digest('hex')
  }

  /** Runs in the slot of the key, which is the script's only one. */
  async run (client: RedisClient, key: string, args: readonly string[]): Promise<readonly Reply[]> {
    try {
      return await client.command(key, ['evalsha', this.#digest, '1', key, ...args]) as readonly Reply[]
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await client.command(key, ['eval', this.#text, '1', key, ...args]) as readonly Reply[]
    }
  }
}

/** Every script of the store. */
export const scripts = {
  create: new Script('create'),
  touch: new Script('touch'),
  update: new Script('update'),
  end: new Script('end'),
  endUser: new Script('enduser'),
  reassert: new Script('reassert'),
  sweep: new Script('sweep'),
  page: new Script('page'),
  statistics: new Script('statistics'),
  observe: new Script('observe'),
  slices: new Script('slices')
}

function read (name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')
}
