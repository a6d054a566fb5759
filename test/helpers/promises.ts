import { createHook } from 'node:async_hooks'
import type { FastifyInstance } from 'fastify'
import { firefox } from './app.ts'

/** Returns how many promises 100 requests make. */
export async function promisesOf (app: Pick<FastifyInstance, 'inject'>, url: string, cookie: string): Promise<number> {
  let promises = 0
  const hook = createHook({ init (_id, type) { if (type === 'PROMISE') promises++ } })
  const once = (): Promise<void> => new Promise((resolve, reject) => {
    app.inject({ url, headers: { cookie, 'user-agent': firefox } }, (error, response) => {
      if (response?.statusCode === 200) resolve()
      else reject(error ?? new Error(String(response?.statusCode)))
    })
  })
  await once()
  hook.enable()
  for (let i = 0; i < 100; i++) await once()
  hook.disable()
  return promises
}
