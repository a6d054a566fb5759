import t from 'tap'
import { executablePath, launch, stage } from '../helpers/browser.ts'

const skip = executablePath === null && process.env['CI'] === undefined ? 'chromium not found' : false

t.test('a user with 250 sessions sees a hundred, asks for more, and signs out of all others', { skip }, async t => {
  const browser = await launch()
  t.teardown(() => browser.close())
  const scene = await stage(t, { maxSessions: Infinity })
  const { page, open, wrong } = await scene.visit(browser, 'ada')
  for (let i = 0; i < 249; i++) await scene.app.sessions.create({ userId: 'ada' })
  await open('/account/sessions')
  await page.getByText('This device', { exact: true }).waitFor()
  const rows = page.locator('.list .row')
  t.equal(await rows.count(), 100)
  const more = page.getByRole('button', { name: 'Show more devices' })
  for (const count of [200, 250]) {
    await more.click()
    await rows.nth(count - 1).waitFor()
    t.equal(await rows.count(), count)
  }
  t.equal(await more.count(), 0)
  await page.reload()
  await more.waitFor()
  await page.getByRole('button', { name: 'Sign out of all other devices' }).click()
  await page.getByText('sign in again on all other devices').waitFor()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out of all other devices' }).click()
  await page.getByText('Signed out of 249 other devices.').waitFor()
  await page.getByText('You are signed in on this device only.').waitFor()
  t.equal(await scene.app.sessions.count({ userId: 'ada' }), 1)
  t.same(wrong, [])
})
