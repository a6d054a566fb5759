import type { EndedSession } from '../../model/record.ts'
import type { StoreContext } from '../../store.ts'
import { RecentEnds } from '../recent-ends.ts'
import { ignore } from './client.ts'
import type { RedisClient, Reply } from './client.ts'
import { ServerClock } from './clock.ts'
import { toReply } from './fields.ts'
import type { Fields } from './fields.ts'
import { isMoving, whileMoving } from './moving.ts'
import { scripts } from './script.ts'
import type { Script } from './script.ts'
import { allShards, baseOf, byShard } from './shard.ts'

/** Milliseconds after which the caller of a write has timed out, if the context does not say. */
const defaultGiveUp = 10_000
const reassertedAtOnce = 500
const readonly = 'Redis rejects writes: the client is connected to a replica. If a failover moved the address, the client must connect ' +
  'again (ioredis: `reconnectOnError`). Until then logins and revocations fail.'

/** The server or cluster: runs scripts in shards, estimates its time, and keeps sessions ended that this process ended. */
export class Server {
  readonly client: RedisClient
  readonly channel: string
  readonly recent = new RecentEnds()
  readonly warn: StoreContext['warn']
  readonly #prefix: string
  readonly #clock: ServerClock
  readonly #context: StoreContext
  readonly #giveUp: number
  readonly #stop: () => void
  #suspect = false
  #warnedOfReplica = false
  #reasserting: Promise<void> | null = null

  constructor (client: RedisClient, { prefix, context }: { readonly prefix: string, readonly context: StoreContext }) {
    this.client = client
    this.channel = `${client.keyPrefix}${prefix}w`
    this.#prefix = prefix
    this.#clock = new ServerClock(context.now)
    this.#context = context
    this.warn = context.warn
    this.#giveUp = context.giveUp ?? defaultGiveUp
    this.#stop = client.onReconnect(() => { this.#suspect = true; this.#reassertIfSuspect() })
  }

  close (): void {
    this.#stop()
  }

  baseOf (shard: number): string {
    return baseOf(this.#prefix, shard)
  }

  now (shard: number): number {
    return this.#clock.now(shard)
  }

  /** Resolves to every field of a session's hash. This is the one command of a validated request. */
  async fieldsOf (shard: number, id: string): Promise<Fields> {
    const key = `${this.baseOf(shard)}s:${id}`
    let reply
    try {
      reply = await this.#track(this.client.fields(key))
    } catch (error) {
      if (!this.#retries(error)) throw error
      reply = await this.#untilMoved(() => this.client.alone(key, ['hgetall', key]))
    }
    const fields = toReply(reply)
    // ioredis repeats a whole pipeline on the node to which a slot moves if one of its keys has moved: the others then seem to be missing
    if (fields.size > 0 || !this.client.cluster) return fields
    return toReply(await this.#untilMoved(() => this.client.alone(key, ['hgetall', key])))
  }

  /** Resolves to the ended-session record of a session, as JSON. */
  async endedOf (shard: number, id: string): Promise<string | null> {
    const key = `${this.baseOf(shard)}r`
    return await this.#untilMoved(() => this.client.alone(key, ['hget', key, id])) as string | null
  }

  /** Runs a script in a shard. The reply starts with the server's current time. `keys`: the suffixes of keys that only this call uses. */
  async run (script: Script, shard: number, args: readonly string[] = [], keys: readonly string[] = []): Promise<readonly Reply[]> {
    return this.#run(script, shard, { args, keys, latest: '' })
  }

  /** Runs a script in several shards: one command, or one for each where they may lie on different servers of a cluster. */
  async runAll (
    script: Script,
    shards: readonly number[],
    args: readonly string[] = [],
    keys: readonly string[] = []
  ): Promise<readonly (readonly Reply[])[]> {
    if (this.client.cluster || shards.length === 1) return Promise.all(shards.map(shard => this.run(script, shard, args, keys)))
    const asked = performance.now()
    const replies = await this.#track(script.run(
      this.client,
      shards.flatMap(shard => script.keysOf(this.baseOf(shard), keys)),
      [...this.#header(), '', ...args]
    )) as readonly (readonly Reply[])[]
    const now = Number(replies[0]?.[0])
    for (const shard of shards) this.#clock.measured(shard, asked, { now, changed: false })
    return replies
  }

  /** Asks each server of a cluster for its time. One that does not respond is measured with its first reply. */
  measureClocks (): void {
    if (!this.client.cluster || this.#context.now !== null) return
    for (const shard of allShards) this.run(scripts.time, shard).catch(ignore)
  }

  /**
   * As `run`, for a write that must not happen after its caller has timed out: a client may queue it until the server responds again.
   */
  async runInTime (script: Script, shard: number, write: Write): Promise<readonly Reply[]> {
    const asked = performance.now()
    const timely = async (): Promise<readonly Reply[]> => {
      const latest = this.#context.now === null ? String(Math.round(this.#clock.now(shard) + this.#giveUp)) : ''
      return this.#run(script, shard, { ...write, latest })
    }
    const reply = await timely()
    if (reply[1] !== 'late') return reply
    if (performance.now() - asked >= this.#giveUp) {
      throw new Error(`the write reached the server more than ${this.#giveUp} ms after it was asked for, and was not done`)
    }
    // it is not late: the server's clock was changed, and has now been measured again
    return timely()
  }

  async #run (script: Script, shard: number, write: Write & { readonly latest: string }): Promise<readonly Reply[]> {
    const { args, keys, latest, impatient } = write
    const all = script.keysOf(this.baseOf(shard), keys)
    let asked = 0
    const send = (): Promise<readonly Reply[]> => {
      asked = performance.now()
      return script.run(this.client, all, [...this.#header(), latest, ...args])
    }
    const reply = await (impatient === true ? this.#track(send()) : this.#untilMoved(send))
    this.#clock.measured(shard, asked, { now: Number(reply[0]), changed: reply[1] === 'late' })
    return reply
  }

  /** Sends a command; in a cluster, repeats it while the slot of its keys is moving. */
  #untilMoved <T>(send: () => Promise<T>): Promise<T> {
    return this.#track(this.client.cluster ? whileMoving(send, this.#giveUp) : send())
  }

  #retries (error: unknown): boolean {
    return this.client.cluster && isMoving(error)
  }

  #header (): string[] {
    const { now, history, historyPerUser } = this.#context
    return [now === null ? '' : String(Math.floor(now())), String(history), String(historyPerUser), this.channel]
  }

  /** After any failure, the server may return without its last writes. */
  async #track <T>(answer: Promise<T>): Promise<T> {
    try {
      const value = await answer
      if (this.#suspect) this.#reassertIfSuspect()
      return value
    } catch (error) {
      if (!this.#retries(error)) this.#suspect = true
      if (!this.#warnedOfReplica && error instanceof Error && error.message.startsWith('READONLY')) {
        this.#warnedOfReplica = true
        this.warn(readonly, error)
      }
      throw error
    }
  }

  /** Is called when the server returned as live a session that this process ended. */
  suspectRollback (): void {
    this.#suspect = true
    this.#reassertIfSuspect()
  }

  #reassertIfSuspect (): void {
    this.#reasserting ??= this.#reassert().catch(() => { this.#suspect = true }).finally(() => { this.#reasserting = null })
  }

  async #reassert (): Promise<void> {
    this.#suspect = false
    const ended = this.recent.all()
    for (const [shard, sessions] of byShard(ended, ({ id }) => id)) {
      for (let n = 0; n < sessions.length; n += reassertedAtOnce) {
        const slice = sessions.slice(n, n + reassertedAtOnce)
        await this.run(scripts.reassert, shard, slice.flatMap(toArguments), slice.map(({ id }) => `s:${id}`))
      }
    }
  }
}

/** The arguments of a script. */
interface Write {
  readonly args: readonly string[]
  /** The suffixes of the keys that only this call uses. */
  readonly keys: readonly string[]
  /** Whether it rejects at once while the slot is moving. */
  readonly impatient?: true
}

function toArguments ({ id, reason, by, endedAt }: EndedSession): string[] {
  return [id, reason, by ?? '', String(Math.round(endedAt))]
}
