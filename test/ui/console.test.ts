import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { executablePath, launch, stage } from '../helpers/browser.ts'
import type { Stage } from '../helpers/browser.ts'

const minute = 60_000
const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1'
const skip = executablePath === null && process.env['CI'] === undefined ? 'chromium not found' : false

let browser: Browser
t.before(async () => { if (skip === false) browser = await launch() })
t.teardown(async () => { if (skip === false) await browser.close() })

/** Sessions of some people, live and ended. */
async function populate ({ app: { sessions }, clock }: Stage): Promise<void> {
  clock.ahead = -60_000
  for (let i = 0; i < 30; i++, clock.ahead += 1000) {
    await sessions.create({
      userId: `user${i}`,
      ip: `192.0.2.${i}`,
      userAgent: i % 2 === 0 ? chrome : iphone,
      remember: i % 3 === 0,
      method: 'password'
    })
  }
  for (let i = 0; i < 4; i++) await sessions.create({ userId: 'eve', ip: '198.51.100.66', userAgent: chrome })
  await sessions.create({ ip: '2001:db8::1', userAgent: chrome })
  const { session } = await sessions.create({ userId: 'zoe', ip: '203.0.113.5', userAgent: iphone })
  await sessions.revoke(session.id, { reason: 'token-reuse' })
  clock.ahead = 0
}

const users = (page: Page): Promise<string[]> => page.locator('table.sessions tbody th .link').allTextContents()
/** Resolves when the list has loaded, and says so many sessions. */
async function counted (page: Page, text: string): Promise<void> {
  await page.locator('.list[aria-busy="false"]', { has: page.getByText(text, { exact: true }) }).waitFor()
}

/** Resolves when the list shows exactly so many rows. */
async function rows (page: Page, count: number): Promise<void> {
  const found = page.locator('table.sessions tbody tr')
  await found.nth(count - 1).waitFor()
  await found.nth(count).waitFor({ state: 'detached' })
}

t.test('an admin sees numbers, events and sessions, and every filter is in the URL', { skip, timeout: 360_000 }, async t => {
  const scene = await stage(t)
  await populate(scene)
  const { page, open, wrong } = await scene.visit(browser, 'root')
  await open('/admin/sessions')
  await counted(page, '36 sessions')
  t.same(await page.locator('.tile dt').allTextContents(), [
    'Active now',
    'Users online',
    'Created, 24h',
    'Ended, 24h',
    'Limit evictions',
    'Security events'
  ])
  t.equal(await page.locator('.tile .figure').first().textContent(), '36')
  t.equal(await page.locator('.plot canvas').count(), 3)
  await page.locator('.feed').getByText('zoe').first().waitFor()
  t.match(await page.locator('.top', { hasText: 'Top IP addresses' }).textContent(), /198\.51\.100\.66/)

  await open('/admin/sessions?userId=eve&range=1h')
  await counted(page, '4 sessions')
  t.same(await users(page), ['eve', 'eve', 'eve', 'eve'])
  t.equal(await page.getByRole('button', { name: 'last hour' }).getAttribute('aria-pressed'), 'true')
  await page.getByRole('button', { name: 'User eve: remove this filter' }).click()
  await counted(page, '36 sessions')
  t.equal(new URL(page.url()).search, '?range=1h')
  await page.getByRole('searchbox').fill('user7')
  await counted(page, '1 session')
  t.equal(new URL(page.url()).searchParams.get('search'), 'user7')
  await page.goBack()
  await counted(page, '36 sessions')
  t.equal(await page.getByRole('searchbox').inputValue(), '')

  await page.getByRole('combobox', { name: 'State' }).selectOption('ended')
  await counted(page, '1 session')
  t.same(await users(page), ['zoe'])
  t.match(await page.locator('table.sessions').textContent(), /token reuse/)
  await page.getByRole('combobox', { name: 'State' }).selectOption('live')
  await page.getByRole('button', { name: 'Filters' }).click()
  await page.getByRole('textbox', { name: 'IP or network' }).fill('192.0.2.0/28')
  await page.getByRole('combobox', { name: 'Stays signed in' }).selectOption('true')
  await page.getByRole('button', { name: 'Apply' }).click()
  await counted(page, '6 sessions')
  t.equal(new URL(page.url()).searchParams.get('ip'), '192.0.2.0/28')
  await page.getByRole('textbox', { name: 'IP or network' }).fill('nonsense')
  await page.getByRole('button', { name: 'Apply' }).click()
  await page.getByText('expected `ip` to be an address').waitFor()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await counted(page, '36 sessions')
  t.same(wrong, [])
})

t.test('pages of a long list go on and back, in either order', { skip, timeout: 360_000 }, async t => {
  const scene = await stage(t)
  await populate(scene)
  const { page, open } = await scene.visit(browser, 'root')
  await open('/admin/sessions?guest=false')
  await counted(page, '35 sessions')
  t.equal((await users(page))[0], 'root')
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('Page 2').waitFor()
  await rows(page, 10)
  t.equal((await users(page)).at(-1), 'user0')
  await page.getByRole('button', { name: 'Previous' }).click()
  await rows(page, 25)
  await page.getByRole('button', { name: 'Age' }).click()
  await page.locator('table.sessions tbody tr').first().getByText('user0').waitFor()
  t.equal(new URL(page.url()).searchParams.get('order'), 'oldest')
})

t.test('what matches a filter is revoked only after a preview, and the own session is left', { skip, timeout: 360_000 }, async t => {
  const scene = await stage(t)
  await populate(scene)
  const { page, open, wrong, context } = await scene.visit(browser, 'root')
  await open('/admin/sessions?ip=198.51.100.66')
  await counted(page, '4 sessions')
  await page.getByRole('button', { name: 'Revoke all matches' }).click()
  const dialog = page.getByRole('alertdialog')
  await dialog.getByText('4 sessions match now').waitFor()
  t.equal(await dialog.locator('.sample li').count(), 4)
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  t.equal(await scene.app.sessions.count({ userId: 'eve' }), 4, 'thought better of it')
  await page.getByRole('button', { name: 'Revoke all matches' }).click()
  await dialog.getByRole('button', { name: 'Revoke 4 sessions' }).click()
  await page.getByText('4 sessions revoked.').waitFor()
  await page.getByText('No session matches.').waitFor()
  t.equal(await scene.app.sessions.count({ userId: 'eve' }), 0)

  await page.getByRole('button', { name: 'Clear filters' }).click()
  await counted(page, '32 sessions')
  await page.getByRole('button', { name: 'Revoke all matches' }).click()
  await dialog.getByText('Your own session matches, too').waitFor()
  t.ok(await dialog.getByRole('button', { name: 'Revoke 31 sessions' }).isDisabled(), 'revoking without a filter requires the checkbox')
  await dialog.getByRole('checkbox').check()
  await dialog.getByRole('button', { name: 'Revoke 31 sessions' }).click()
  await page.getByText('31 sessions revoked.').waitFor()
  t.equal(await scene.app.sessions.count(), 1)
  t.equal((await context.request.get('/api/v1/auth/sessions/current')).status(), 200)
  t.same(wrong, [])
})

t.test('some are chosen and revoked, one from its story, all of a user from theirs', { skip, timeout: 360_000 }, async t => {
  const scene = await stage(t)
  await populate(scene)
  const { page, open } = await scene.visit(browser, 'root')
  await open('/admin/sessions')
  await page.getByRole('checkbox', { name: 'Select the session of user29', exact: true }).check()
  await page.getByRole('checkbox', { name: 'Select the session of user28', exact: true }).check()
  await page.getByRole('button', { name: 'Revoke 2 selected' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke 2 sessions' }).click()
  await page.getByText('2 sessions revoked.').waitFor()
  await counted(page, '34 sessions')

  await page.getByRole('button', { name: 'Details of the session of user27', exact: true }).click()
  const drawer = page.getByRole('dialog')
  await drawer.getByText('Session of user27').waitFor()
  await drawer.locator('.timeline').getByText('sign-in').waitFor()
  t.match(await drawer.locator('.facts').textContent(), /192\.0\.2\.27/)
  t.match(page.url(), /session=[\w-]{22}/)
  await drawer.getByRole('button', { name: 'Revoke', exact: true }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke 1 session' }).click()
  await drawer.getByText('The user (from another device)').waitFor()
  t.match(await drawer.locator('.timeline li').last().textContent(), /revoked.*root/)
  await drawer.getByRole('button', { name: 'Close' }).click()

  await open('/admin/sessions?user=eve')
  await drawer.getByText('Sessions of eve').waitFor()
  await drawer.getByRole('button', { name: 'Revoke all' }).click()
  await page.getByRole('alertdialog').getByText('4 sessions will be revoked').waitFor()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke 4 sessions' }).click()
  await drawer.getByText('Ended 4').waitFor()
  await drawer.locator('.mini .link').first().click()
  await drawer.getByText('Session of eve').waitFor()
  await open(`/admin/sessions?session=${'A'.repeat(22)}`)
  await drawer.getByText('This session is unknown').waitFor()
})

t.test('the console shows what happens as it happens, and keeps rows in their places', { skip, timeout: 360_000 }, async t => {
  const scene = await stage(t)
  await populate(scene)
  const { page, open, wrong } = await scene.visit(browser, 'root')
  await open('/admin/sessions')
  await page.getByText('live', { exact: true }).waitFor()
  await counted(page, '36 sessions')
  const { session } = await scene.app.sessions.create({ userId: 'newcomer', ip: '203.0.113.9', userAgent: iphone })
  await page.locator('.feed').getByText('newcomer').waitFor()
  await page.getByRole('button', { name: 'Show 1 new session' }).click()
  await page.getByRole('button', { name: 'Details of the session of newcomer' }).waitFor()
  await scene.app.sessions.revoke(session.id, { reason: 'logout', by: 'user' })
  await page.locator('tr.over', { hasText: 'newcomer' }).getByText('logout').waitFor()
  await page.locator('.feed').getByRole('button', { name: 'Security' }).click()
  await page.locator('.feed').getByText('newcomer').first().waitFor({ state: 'detached' })
  await scene.app.inject({ url: '/api/v1/admin/sessions', remoteAddress: '203.0.113.200' })
  await page.locator('.feed').getByText('203.0.113.200').waitFor()
  t.same(wrong, [])
})

t.test('what was live at a past moment can be seen', { skip, timeout: 360_000 }, async t => {
  const scene = await stage(t)
  scene.clock.ahead = -20 * minute
  const { session } = await scene.app.sessions.create({ userId: 'gone', userAgent: chrome })
  await scene.app.sessions.create({ userId: 'here', userAgent: chrome })
  scene.clock.ahead = -10 * minute
  await scene.app.sessions.revoke(session.id)
  scene.clock.ahead = 0
  const { page, open } = await scene.visit(browser, 'root')
  await open(`/admin/sessions?at=${Date.now() - 15 * minute}`)
  await counted(page, '2 sessions')
  t.same((await users(page)).sort(), ['gone', 'here'])
  await page.getByText('Sessions that were live at').waitFor()
})

t.test('a lost connection is said, and gone when it is back; who is no admin any more is told so', { skip, timeout: 360_000 }, async t => {
  let admins = ['root']
  const scene = await stage(t, {
    eventStream: { heartbeat: 50 },
    admin: { authorize: request => admins.includes(request.session.userId ?? '') }
  })
  const { page, open, context } = await scene.visit(browser, 'root')
  await open('/admin/sessions')
  await counted(page, '1 session')
  await context.setOffline(true)
  await page.getByRole('button', { name: 'last hour' }).click()
  await page.getByText('The server cannot be reached').waitFor()
  await context.setOffline(false)
  await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click()
  await page.getByText('The server cannot be reached').waitFor({ state: 'detached' })
  await page.getByText('live', { exact: true }).waitFor()
  admins = []
  await page.getByText('You are no longer signed in as an administrator.').waitFor()
})

t.test('both pages keep WCAG 2.2 AA in light and dark, at every width, with dialogs open', { skip, timeout: 360_000 }, async t => {
  const scene = await stage(t)
  await populate(scene)
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, open, axe, overflow, wrong } = await scene.visit(browser, 'root', { colorScheme, reducedMotion: 'reduce' })
    await scene.app.sessions.create({ userId: 'root', ip: '192.0.2.1', userAgent: iphone })
    const { session } = await scene.app.sessions.create({ userId: 'root', ip: '192.0.2.2', userAgent: chrome })
    await scene.app.sessions.revoke(session.id)
    const dark = colorScheme === 'dark'
    await open('/admin/sessions')
    await page.locator('.plot canvas').first().waitFor()
    await page.locator('table.sessions').waitFor()
    await page.locator('.feed .badge').first().waitFor()
    t.same(await axe(dark), [], `console, ${colorScheme}`)
    await page.getByRole('button', { name: 'Filters' }).click()
    await page.getByText('Show as a table').first().click()
    t.same(await axe(dark), [], `console with filters, ${colorScheme}`)
    for (const width of dark ? [] : [320, 390, 768, 1024, 1440, 1920]) {
      await page.setViewportSize({ width, height: 900 })
      t.equal(await overflow(), 0, `console, ${width} px`)
    }
    await page.setViewportSize({ width: 390, height: 844 })
    t.same(await axe(dark), [], `small console, ${colorScheme}`)
    await page.getByRole('button', { name: 'Revoke all matches' }).click()
    await page.locator('.sample').waitFor()
    t.same(await axe(dark), [], `preview, ${colorScheme}`)
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).press('Escape')
    await page.locator('.sample').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /Details of the session of eve/ }).first().click()
    await page.locator('.timeline').waitFor()
    t.same(await axe(dark), [], `story, ${colorScheme}`)
    t.equal(await overflow(), 0)

    await page.setViewportSize({ width: 1440, height: 900 })
    await open('/account/sessions')
    await page.getByText('This device', { exact: true }).waitFor()
    t.same(await axe(dark), [], `devices, ${colorScheme}`)
    for (const width of dark ? [] : [320, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      t.equal(await overflow(), 0, `devices, ${width} px`)
    }
    await page.getByRole('button', { name: 'Rename Safari on iPhone' }).first().click()
    const name = page.getByRole('dialog').getByRole('textbox')
    await name.waitFor()
    t.same(await axe(dark), [], `rename, ${colorScheme}`)
    await name.press('Escape')
    await name.waitFor({ state: 'detached' })
    const [before] = [await page.evaluate('getComputedStyle(document.body).backgroundColor')]
    await page.getByRole('button', { name: /^Theme/ }).click()
    await page.getByRole('button', { name: 'Theme: light' }).waitFor()
    await page.getByRole('button', { name: /^Theme/ }).click()
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor()
    t[dark ? 'equal' : 'not'](await page.evaluate('getComputedStyle(document.body).backgroundColor'), before)
    t.same(wrong, [])
  }
})

t.test('both pages speak another language', { skip, timeout: 360_000 }, async t => {
  const messages = {
    title: 'Sitzungen',
    thisDevice: 'Dieses Gerät',
    signOutOthers: 'Auf allen anderen Geräten abmelden',
    'tile.live': 'Jetzt aktiv',
    'list.count.other': '{count} Sitzungen'
  }
  const scene = await stage(t, {
    devicesPage: { messages, lang: 'de' },
    admin: { authorize: () => true, console: { messages, lang: 'de' } }
  })
  for (let i = 0; i < 1100; i++) await scene.app.sessions.create({ userId: `user${i}`, userAgent: chrome })
  const { page, open, wrong } = await scene.visit(browser, 'root')
  await open('/account/sessions')
  await page.getByText('Dieses Gerät').waitFor()
  await open('/admin/sessions')
  await page.getByText('1.101 Sitzungen').waitFor()
  t.equal(await page.locator('.tile dt').first().textContent(), 'Jetzt aktiv')
  t.equal(await page.locator('html').getAttribute('lang'), 'de')
  t.same(wrong, [])
})
