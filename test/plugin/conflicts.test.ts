import Fastify from 'fastify'
import t from 'tap'
import sessions from '../../lib/index.ts'
import { secret } from '../helpers/app.ts'

t.test('a second registration in one scope says that the plugin is registered already', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(sessions, { secret })
  app.register(sessions, { secret, cookie: { name: 'other' } })
  await t.rejects(
    async () => {
      await app.ready()
    },
    {
      code: 'FST_SESSION_DECORATOR_CONFLICT',
      message:
        '`app.sessions` exists already: this plugin is registered in this scope or in a parent. Register it once, or several times in sibling scopes.'
    }
  )
})

t.test('a decorator of another plugin is named', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.decorateRequest('session', null as never)
  app.register(sessions, { secret })
  await t.rejects(async () => { await app.ready() }, { message: /^`request.session` exists already: another plugin has added it/ })
})
