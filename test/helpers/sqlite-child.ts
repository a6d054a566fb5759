// another process on the same file: test/stores/sqlite.test.ts forks it
import { SessionManager } from '../../lib/manager/manager.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import { drivers, openFile } from '../../lib/stores/sqlite/driver.ts'

const [file = '', task = '', driver] = process.argv.slice(2)
// with a driver named, that one; else the store opens the file, and has a worker for the checkpoints
const source = driver === undefined ? file : await openFile(file, drivers.filter(([module]) => module === driver))
const manager = await new SessionManager({
  secret: 'a secret of the tests, long enough',
  store: sqliteStore(source),
  maxSessions: 5
}).open()
const send = (message: unknown): Promise<void> =>
  new Promise(resolve => {
    process.send?.(message, undefined, undefined, () => {
      resolve()
    })
  })

const tasks: Readonly<Record<string, () => Promise<void>>> = {
  /** Signs 25 browsers of one user in at once, and says whom that ended. */
  async login () {
    const created = await Promise.all(Array.from({ length: 25 }, () => manager.create({ userId: 'ada' })))
    await send(created.flatMap(({ ended }) => ended.map(({ id }) => id)))
    await manager.close()
    process.disconnect()
  },
  /** Signs in and out until it is killed, and says what was acknowledged. */
  async write () {
    for (let i = 0; ; i++) {
      const { session: { id } } = await manager.create({ userId: `user ${i}`, data: { i } })
      await send({ id, ended: false })
      if (i % 3 !== 0) continue
      await manager.revoke(id, { reason: 'logout' })
      await send({ id, ended: true })
    }
  },
  /** Writes enough for a checkpoint, and leaves without a word. */
  async leave () {
    for (let i = 0; i < 400; i++) await manager.create({ userId: `user ${i}` })
    process.disconnect()
  },
  /** Ends what it is told to. */
  async end () {
    process.on('message', (id: string) => { void manager.revoke(id, { reason: 'revoked', by: 'another process' }) })
  }
}

await send('ready')
process.once('message', () => { void tasks[task]?.() })
