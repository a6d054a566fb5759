// another process on the same server: test/stores/postgres.test.ts forks it
import pg from 'pg'
import { SessionManager } from '../../lib/index.ts'
import { postgresStore } from '../../lib/stores/postgres.ts'
import { secret } from './app.ts'

const [url, schema] = process.argv.slice(2) as [string, string]
const pool = new pg.Pool({ connectionString: url, max: 10 })
const manager = await new SessionManager({ secret, maxSessions: 5, storeTimeout: 10_000, store: postgresStore(pool, { schema }) }).open()

async function signIn ({ userId, logins }: { readonly userId: string, readonly logins: number }): Promise<void> {
  const results = await Promise.all(Array.from({ length: logins }, () => manager.create({ userId })))
  process.send?.({ created: results.length, ended: results.flatMap(({ ended }) => ended.map(({ id }) => id)) })
}

process.on('message', message => { void signIn(message as Parameters<typeof signIn>[0]) })
process.send?.('ready')
