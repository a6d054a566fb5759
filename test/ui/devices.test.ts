import type { Browser } from 'playwright-core'
import t from 'tap'
import { executablePath, launch, stage } from '../helpers/browser.ts'

const minute = 60_000
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1'
const skip = executablePath === null && process.env['CI'] === undefined ? 'chromium not found' : false

let browser: Browser
t.before(async () => { if (skip === false) browser = await launch() })
t.teardown(async () => { if (skip === false) await browser.close() })

t.test('a user sees devices, names one, signs one out and all others, and what ended lately', { skip }, async t => {
  const scene = await stage(t)
  const { page, open, wrong } = await scene.visit(browser, 'ada')
  for (let i = 0; i < 3; i++) await scene.app.sessions.create({ userId: 'ada', ip: `192.0.2.${i}`, userAgent: iphone, remember: true })
  await scene.app.sessions.create({ userId: 'bob', ip: '203.0.113.99', userAgent: iphone })
  await open('/account/sessions')
  await page.getByText('This device', { exact: true }).waitFor()
  t.equal(await page.locator('.list .row').count(), 4)
  t.match(await page.locator('.list .row').first().textContent(), /Chrome on Linux\s*This device.*Active now/s)
  t.notMatch(await page.evaluate<string>("document.querySelector('session-devices').shadowRoot.textContent"), /203\.0\.113\.99/)

  await page.getByRole('button', { name: 'Rename Safari on iPhone' }).first().click()
  await page.getByRole('textbox', { name: 'Name' }).fill('My phone')
  await page.keyboard.press('Enter')
  await page.getByText('Renamed to My phone.').waitFor()
  await page.locator('.name', { hasText: 'My phone' }).waitFor()
  await page.getByRole('button', { name: 'Sign out of My phone' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('Signed out of My phone.').waitFor()
  await page.locator('.past', { hasText: 'Signed out remotely' }).waitFor()
  await page.getByRole('button', { name: 'Sign out of all other devices' }).click()
  await page.getByText('sign in again on 2 devices').waitFor()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out of all other devices' }).click()
  await page.getByText('Signed out of 2 other devices.').waitFor()
  await page.getByText('You are signed in on this device only.').waitFor()
  t.equal(await scene.app.sessions.count({ userId: 'ada' }), 1)
  t.equal(await scene.app.sessions.count({ userId: 'bob' }), 1)

  await scene.app.sessions.create({ userId: 'ada', ip: '192.0.2.77', userAgent: iphone })
  await page.getByText('192.0.2.77').first().waitFor()
  t.pass('a sign-in elsewhere appears by itself')
  await page.getByRole('button', { name: 'Sign out of Chrome on Linux' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('alertdialog').getByText('You signed out.').waitFor()
  await page.getByRole('alertdialog').getByRole('link', { name: 'Sign in again' }).click()
  await page.waitForURL('**/signin')
  t.same(wrong, [])
})

t.test('a session that an admin ends dies in its browser, and all its tabs say so', { skip }, async t => {
  const scene = await stage(t)
  const admin = await scene.visit(browser, 'root')
  const user = await scene.visit(browser, 'ada')
  await user.open('/account/sessions')
  const second = await user.context.newPage()
  await second.goto('/app')
  await user.page.getByText('This device', { exact: true }).waitFor()
  await admin.open('/admin/sessions?userId=ada')
  await admin.page.getByRole('button', { name: 'Revoke the session of ada' }).click()
  await admin.page.getByRole('alertdialog').getByRole('button', { name: 'Revoke 1 session' }).click()
  for (const page of [user.page, second]) {
    await page.getByRole('alertdialog').getByText('You were signed out from another device, or by an administrator.').waitFor()
    t.ok(await page.getByRole('link', { name: 'Sign in again' }).first().isVisible())
  }
  t.equal((await user.context.request.get('/api/v1/auth/sessions')).status(), 401)
})

t.test('whoever is about to be signed out is told, and staying in one tab is staying in all', { skip }, async t => {
  const scene = await stage(t)
  const { page, open, context, wrong } = await scene.visit(browser, 'ada')
  await open('/account/sessions')
  const second = await context.newPage()
  await second.goto('/app')
  await page.getByText('This device', { exact: true }).waitFor()
  scene.clock.ahead = 29 * minute
  for (const tab of [page, second]) await tab.getByRole('alertdialog').getByText('You are about to be signed out').waitFor()
  t.match(await page.locator('.countdown').textContent(), /^0:[0-5]\d left$|^1:00 left$/)
  await second.getByRole('button', { name: 'Stay signed in' }).click()
  for (const tab of [page, second]) await tab.getByRole('alertdialog').waitFor({ state: 'detached' })
  const { idleLeft } = await (await context.request.get('/api/v1/auth/sessions/current')).json() as { idleLeft: number }
  t.ok(idleLeft > 1700, String(idleLeft))
  scene.clock.ahead += 29 * minute
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click()
  for (const tab of [page, second]) await tab.getByRole('alertdialog').getByText('You signed out.').waitFor()
  t.same(wrong, [])
})

t.test('when the longest life is over nothing can extend it, and the page says so', { skip }, async t => {
  const scene = await stage(t, { idleTimeout: '1h', absoluteTimeout: '1h' })
  const { page, open } = await scene.visit(browser, 'ada')
  await open('/app')
  await page.waitForFunction("customElements.get('session-timeout') !== undefined")
  scene.clock.ahead = 59 * minute
  await page.getByRole('alertdialog').getByText('cannot be extended').waitFor()
  t.equal(await page.getByRole('button', { name: 'Stay signed in' }).count(), 0)
  await page.getByRole('button', { name: 'OK' }).click()
  await page.getByRole('alertdialog').waitFor({ state: 'detached' })
  scene.clock.ahead = 61 * minute
  await scene.app.sessions.cleanup()
  await page.getByRole('alertdialog').getByText('You are signed out').waitFor()
})

t.test('signing others out may ask for a recent sign-in: the page is told, or says so itself', { skip }, async t => {
  const scene = await stage(t, { routes: { fresh: '5m' } })
  const { page, open } = await scene.visit(browser, 'ada')
  await scene.app.sessions.create({ userId: 'ada', ip: '192.0.2.1', userAgent: iphone })
  scene.clock.ahead = 6 * minute
  await open('/account/sessions')
  await page.getByRole('button', { name: 'Sign out of all other devices' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out of all other devices' }).click()
  await page.getByRole('dialog').getByText('Confirm that it is you').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
  await page.evaluate("addEventListener('session-reauth', event => { event.preventDefault(); document.documentElement.dataset.asked = 1 })")
  await page.getByRole('button', { name: 'Sign out of all other devices' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out of all other devices' }).click()
  await page.locator('html[data-asked]').waitFor()
  t.equal(await page.getByRole('dialog').count(), 0)
})

t.test('both pages work by keyboard alone, and the focus is seen and comes back', { skip }, async t => {
  const scene = await stage(t)
  const { page, open } = await scene.visit(browser, 'root')
  await scene.app.sessions.create({ userId: 'root', ip: '192.0.2.1', userAgent: iphone })
  const focused = (): Promise<string> =>
    page.evaluate(
      "(() => { let a = document.activeElement; while (a?.shadowRoot?.activeElement) a = a.shadowRoot.activeElement; return a.getAttribute('aria-label') ?? a.textContent.trim() })()"
    )
  /** Tabs on until what is named has the focus. */
  async function tabTo (name: string): Promise<void> {
    for (let i = 0; i < 80 && await focused() !== name; i++) await page.keyboard.press('Tab')
    t.equal(await focused(), name)
    t.not(
      await page.evaluate(
        '(() => { let a = document.activeElement; while (a?.shadowRoot?.activeElement) a = a.shadowRoot.activeElement; return getComputedStyle(a).outlineStyle })()'
      ),
      'none',
      'seen'
    )
  }
  await open('/account/sessions')
  await page.getByText('This device', { exact: true }).waitFor()
  await tabTo('Rename Safari on iPhone')
  await page.keyboard.press('Enter')
  await page.keyboard.type('Phone')
  await page.keyboard.press('Enter')
  await page.getByText('Renamed to Phone.').waitFor()
  await tabTo('Sign out of all other devices')
  await page.keyboard.press('Enter')
  t.equal(await focused(), 'Cancel', 'the safe answer first')
  await page.keyboard.press('Escape')
  await page.getByRole('alertdialog').waitFor({ state: 'detached' })
  t.equal(await focused(), 'Sign out of all other devices')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByText('Signed out of 1 other device.').waitFor()

  await scene.app.sessions.create({ userId: 'ada', ip: '192.0.2.1', userAgent: iphone })
  await open('/admin/sessions')
  await page.getByRole('button', { name: 'Details of the session of ada' }).waitFor()
  await tabTo('Details of the session of ada')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByText('Session of ada').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  t.equal(await focused(), 'Details of the session of ada')
  await tabTo('Revoke the session of ada')
  await page.keyboard.press('Space')
  await page.getByRole('alertdialog').waitFor()
  await page.keyboard.press('Tab')
  await tabTo('Revoke 1 session')
  await page.keyboard.press('Enter')
  await page.getByText('1 session revoked.').waitFor()
})
