import { readFileSync } from 'node:fs'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import fastifyHelmet from '@fastify/helmet'
import fastifySwagger from '@fastify/swagger'
import Fastify from 'fastify'
import t from 'tap'
import sessions from '../../../lib/index.ts'
import type { SessionPluginOptions } from '../../../lib/index.ts'
import { consoleTexts } from '../../../ui/console/texts.ts'
import { deviceTexts } from '../../../ui/devices/texts.ts'
import { adminApp } from '../../helpers/admin.ts'
import { api, cookieOf, secret, testApp } from '../../helpers/app.ts'

const html = { accept: 'text/html' }
const csp =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

t.test('the console is a page behind the guards of the admin routes, with nothing inline and a strict policy of its own', async t => {
  const { send, cookie, signIn, events } = await adminApp(t)
  const page = await send('/admin/sessions', { cookie, headers: html })
  t.equal(page.statusCode, 200)
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': csp,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store'
  })
  t.match(
    page.body,
    /<session-console api="\.\.\/api\/v1\/admin\/sessions" own="\.\.\/api\/v1\/auth\/sessions"><noscript>This page needs JavaScript\.<\/noscript><\/session-console>/
  )
  t.notMatch(page.body, /<style|<script(?! type="module" src)| on\w+=|style=|https?:/)
  for (const [, path] of page.body.matchAll(/(?:href|src)="([^"]+)"/g)) { t.equal((await send(`/admin/${String(path)}`)).statusCode, 200, String(path)) }
  const nobody = await send('/admin/sessions', { headers: html })
  t.equal(nobody.statusCode, 401)
  t.match(nobody.body, '<main><h1>Sign in first</h1>')
  t.equal(nobody.headers['content-security-policy'], csp)
  const other = await send('/admin/sessions', { headers: html, cookie: await signIn('ada') })
  t.equal(other.statusCode, 403)
  t.match(other.body, '<main><h1>Not allowed</h1>')
  t.match(events.filter(event => event.type === 'access-denied'), [{ target: '/admin/sessions', userId: null }, { userId: 'ada' }])
})

t.test('files come with a tag, in the form that the browser takes, for good under their version, and to everybody', async t => {
  const { send, cookie } = await adminApp(t, { devicesPage: true })
  const page = await send('/admin/sessions', { cookie })
  const [, path = '', version = ''] = /src="(sessions\/console\.js\?v=([\w-]{16}))"/.exec(page.body) ?? []
  const plain = await send(`/admin/${path}`)
  t.match(plain.headers, {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    etag: `"${version}"`,
    vary: 'Accept-Encoding',
    'x-content-type-options': 'nosniff',
    'set-cookie': undefined
  })
  const forms = [
    ['br', 'br'],
    ['gzip, br;q=0.5', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip;q=1.0', 'gzip'],
    ['deflate', undefined],
    ['br; q=0.000', undefined],
    ['vibrant', undefined]
  ] as const
  for (const [accepted, chosen] of forms) {
    const answer = await send(`/admin/${path}`, { headers: { 'accept-encoding': accepted } })
    t.equal(answer.headers['content-encoding'], chosen, accepted)
    const body =
      chosen === 'br' ? brotliDecompressSync(answer.rawPayload) : chosen === 'gzip' ? gunzipSync(answer.rawPayload) : answer.rawPayload
    t.equal(Buffer.compare(body, plain.rawPayload), 0)
  }
  t.equal((await send('/admin/sessions/console.js')).headers['cache-control'], 'no-cache')
  t.equal((await send('/admin/sessions/console.js?v=old')).headers['cache-control'], 'no-cache')
  const again = await send('/admin/sessions/console.js', { headers: { 'if-none-match': `W/"${version}"` } })
  t.equal(again.statusCode, 304)
  t.equal(again.body, '')
  for (const name of ['console.css', 'notice.css', 'icon.svg']) t.equal((await send(`/admin/sessions/${name}`)).statusCode, 200, name)
  for (const name of ['devices.css', 'element.js', 'notice.css', 'icon.svg']) { t.equal((await send(`/account/sessions/${name}`)).statusCode, 200, name) }
  for (const name of ['index.ts', 'console.js.br', '..%2f..%2fpackage.json', 'console.map']) { t.equal((await send(`/admin/sessions/${name}`)).statusCode, 404, name) }
  const element = await send(`${api}/element.js`)
  t.equal(element.statusCode, 200)
  t.ok(element.rawPayload.length < 60_000)
})

t.test('who is not signed in is sent to sign in, and may come back', async t => {
  const login = '/signin?for=us'
  const { send, cookie } = await adminApp(t, {
    admin: { authorize: request => request.session.userId === 'root', console: { path: '/ops', login } },
    devicesPage: { path: '/me/devices', login: 'https://id.example/' }
  })
  const sent = await send('/ops?range=7d')
  t.equal(sent.statusCode, 303)
  t.equal(sent.headers.location, '/signin?for=us&next=%2Fops%3Frange%3D7d')
  t.equal((await send('/me/devices')).headers.location, 'https://id.example/?next=%2Fme%2Fdevices')
  const page = await send('/ops', { cookie })
  t.match(page.body, '<session-console api="api/v1/admin/sessions" own="api/v1/auth/sessions" login="/signin?for=us">')
  t.match(page.body, 'href="ops/console.css?v=')
  t.match(
    (await send('/me/devices', { cookie })).body,
    '<session-devices src="../api/v1/auth/sessions" page="" login="https://id.example/">'
  )
})

t.test('the devices page is there on request, for whoever is signed in', async t => {
  t.equal((await (await testApp(t)).send('/account/sessions')).statusCode, 404)
  t.equal((await (await testApp(t, { devicesPage: false })).send('/account/sessions')).statusCode, 404)
  const { send, signIn, app } = await testApp(t, { devicesPage: true })
  t.equal((await send('/account/sessions')).statusCode, 401)
  const page = await send('/account/sessions', { cookie: await signIn() })
  t.match(page.body, /<title>Your devices<\/title>[^]*<main><session-devices src="\.\.\/api\/v1\/auth\/sessions" page="">/)
  t.equal(page.headers['content-security-policy'], csp)
  const ended = await signIn()
  await app.sessions.revokeUser('ada')
  t.equal((await send('/account/sessions', { cookie: ended })).statusCode, 401)
})

t.test('texts and language are the app\'s, and cannot break out of their place', async t => {
  const messages = {
    title: 'Geräte <b>&"\'',
    noScript: '</session-devices><script>',
    'notice.signIn': '<i>Anmelden</i>',
    'notice.signInText': 'Bitte',
    'notice.forbidden': 'Nein',
    'notice.forbiddenText': 'Nicht für Sie'
  }
  const { send, signIn, cookie } = await adminApp(t, {
    devicesPage: { messages, lang: 'de-AT' },
    admin: { authorize: request => request.session.userId === 'root', console: { messages, lang: 'de' } }
  })
  const page = await send('/account/sessions', { cookie })
  t.match(page.body, '<html lang="de-AT">')
  t.match(page.body, '<title>Geräte &#60;b&#62;&#38;&#34;&#39;</title>')
  t.match(page.body, '><noscript>&#60;/session-devices&#62;&#60;script&#62;</noscript></session-devices></main>')
  t.match(page.body, 'messages="{&#34;title&#34;:&#34;Geräte &#60;b&#62;')
  t.match((await send('/account/sessions')).body, '<h1>&#60;i&#62;Anmelden&#60;/i&#62;</h1><p>Bitte</p>')
  t.match((await send('/admin/sessions', { cookie: await signIn('ada') })).body, '<h1>Nein</h1><p>Nicht für Sie</p>')
  t.match((await send('/admin/sessions', { cookie })).body, '<title>Geräte')
})

t.test('a page finds its files and routes wherever it is: under a prefix, with a slash at the end, without user routes', async t => {
  const app = Fastify({ routerOptions: { ignoreTrailingSlash: true } })
  app.register(async scope => {
    scope.register(sessions, { secret, devicesPage: true, admin: { authorize: () => true } })
    scope.post('/login', async request => { await request.session.login('ada'); return {} })
  }, { prefix: '/tenant' })
  t.teardown(() => app.close())
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/tenant/login' }))
  for (const url of ['/tenant/admin/sessions', '/tenant/admin/sessions/', '/tenant/admin/sessions/?range=7d']) {
    const page = (await app.inject({ url, headers: { cookie } })).body
    const base = new URL(url, 'http://x')
    const found = (name: string): string => new URL((new RegExp(`${name}="([^"]+)"`).exec(page) ?? [])[1] ?? '', base).pathname
    t.equal(found('api'), '/tenant/api/v1/admin/sessions', url)
    t.equal(found('own'), '/tenant/api/v1/auth/sessions', url)
    t.equal(found('script type="module" src'), '/tenant/admin/sessions/console.js', url)
  }
  const without = await adminApp(t, { routes: { prefix: '/mine' } })
  t.match((await without.send('/admin/sessions', { cookie: without.cookie })).body, 'own="../mine"')
  const robot = await testApp(t, { routes: false, admin: { authorize: () => true } })
  t.match(
    (await robot.send('/admin/sessions')).body,
    '<session-console api="../api/v1/admin/sessions"><',
    'an admin without a session of ours'
  )
})

t.test('the console can be left out, and hooks that say who asks guard it too', async t => {
  const none = await adminApp(t, { admin: { authorize: () => true, console: false } })
  t.equal((await none.send('/admin/sessions', { cookie: none.cookie })).statusCode, 404)
  const hooked = await testApp(t, {
    admin: {
      authorize: request => request.headers['x-admin'] === 'yes',
      onRequest: async request => {
        request.headers['x-admin'] = request.headers.authorization
      }
    }
  })
  t.equal((await hooked.send('/admin/sessions', { headers: { authorization: 'yes' } })).statusCode, 200)
  t.equal((await hooked.send('/admin/sessions')).statusCode, 401)
  const broken = await testApp(t, { admin: { authorize: () => { throw new Error('no database') } } })
  const answer = await broken.send('/admin/sessions')
  t.equal(answer.statusCode, 500, 'trouble of the app is left to the app')
  t.equal(answer.headers['content-security-policy'], csp)
})

t.test('options that cannot be used are errors at the start', async t => {
  const authorize = () => true
  const wrong: unknown[] = [
    null,
    'yes',
    { path: 'x' },
    { path: '/' },
    { path: '/x/' },
    { path: 5 },
    { login: 5 },
    { messages: null },
    { messages: 'x' },
    { messages: { title: 5 } },
    { lang: '' },
    { lang: 'not a language' },
    { lang: 5 },
    { title: 'x' }
  ]
  for (const page of wrong) {
    for (const options of [{ devicesPage: page }, { admin: { authorize, console: page } }]) {
      const app = Fastify()
      app.register(sessions, { secret, ...options } as SessionPluginOptions)
      await t.rejects(async () => { await app.ready() }, { code: 'FST_SESSION_INVALID_OPTION' }, JSON.stringify(options))
      await app.close()
    }
  }
  const app = Fastify()
  app.register(sessions, { secret, devicesPage: true, routes: false })
  await t.rejects(async () => { await app.ready() }, { code: 'FST_SESSION_INVALID_OPTION', message: /`devicesPage`/ })
  await app.close()
})

t.test('helmet does not weaken the policy of the pages, and the OpenAPI document does not list them', async t => {
  const app = Fastify()
  await app.register(fastifyHelmet)
  await app.register(fastifySwagger)
  app.register(sessions, { secret, devicesPage: true, admin: { authorize: () => true } })
  t.teardown(() => app.close())
  await app.ready()
  t.equal((await app.inject('/admin/sessions')).headers['content-security-policy'], csp)
  const paths = Object.keys(app.swagger().paths ?? {})
  t.ok(paths.includes('/api/v1/admin/sessions/statistics'))
  t.notOk(paths.some(path => path.startsWith('/admin') || path.startsWith('/account') || path.endsWith('.js')))
})

t.test('the docs list every text of the pages, as it is', async t => {
  const page = readFileSync(new URL('../../../docs/reference/texts.md', import.meta.url), 'utf8')
  const listed = [...page.matchAll(/^\| `([\w.-]+)` \| (.*) \|$/gm)].map(([, key, text]) => `${String(key)}: ${String(text)}`)
  const own = [...Object.entries(deviceTexts), ...Object.entries(consoleTexts)].map(([key, text]) => `${key}: ${text}`)
  t.same(own.filter(text => !listed.includes(text)), [], 'missing')
  t.same(listed.filter(text => !own.includes(text) && !/^(title|noScript|notice\.\w+): /.test(text)), [], 'no longer there')
})

t.test('every text of the pages that speaks of reasons has all of them', async t => {
  for (const reason of ['logout', 'revoked', 'evicted', 'idle-timeout', 'absolute-timeout', 'replaced', 'token-reuse']) {
    for (const key of [`ended.${reason}`, `past.${reason}`]) t.ok(deviceTexts[key], key)
    for (const key of [`reason.${reason}`, `why.${reason}`]) t.ok(consoleTexts[key], key)
  }
})
