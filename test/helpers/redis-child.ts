// An app's process: signs one user in, many times at once, and tells what ended.
import { Redis } from 'ioredis'
import { redisStore } from '../../lib/stores/redis.ts'
import { recordOf } from './redis-stage.ts'

const [socket = '', count = ''] = process.argv.slice(2)
const client = new Redis(socket)
const store = redisStore(client)
await store.open({ now: null, history: 86_400_000, historyPerUser: 20, warn: () => {} })
process.send?.('ready')
process.once('message', () => {
  const logins = Array.from({ length: Number(count) }, async () =>
    store.create(recordOf('ada'), { at: Date.now(), limit: { max: 5, onExceeded: 'evict-oldest' }, replaces: null, adopts: null })
  )
  void Promise.all(logins).then(answers => {
    process.send?.(
      answers.flatMap(answer => (answer.status === 'created' ? answer.ended.map(({ id }) => id) : [])),
      () => {
        client.disconnect()
        process.disconnect()
      }
    )
  })
})
