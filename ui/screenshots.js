// Takes the pictures of the docs: `npm run screenshots`. Starts the demo, and requires Chromium (`CHROMIUM`, or on the path).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { pack } from './png.js'

const at = path => new URL(path, import.meta.url).pathname
const port = 3900 + process.pid % 90
const url = `http://127.0.0.1:${port}`
const demo = spawn(process.execPath, [at('../examples/demo.js')], {
  env: { ...process.env, PORT: String(port) },
  stdio: ['ignore', 'pipe', 'inherit']
})
await once(demo.stdout, 'data')
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync'
  ]
})

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'
const shots = [
  ['console-light.png', '/admin/sessions?range=7d', { width: 1280, height: 1000 }, 'light'],
  ['console-dark-mobile.png', '/admin/sessions?range=7d', { width: 390, height: 1500 }, 'dark'],
  ['devices-light.png', '/account/sessions', { width: 900, height: 860 }, 'light'],
  ['devices-dark-mobile.png', '/account/sessions', { width: 390, height: 900 }, 'dark']
]
await mkdir(at('../docs/images'), { recursive: true })
// one sign-in: the limit of the demo would show
const state = await (async () => {
  const context = await browser.newContext({ baseURL: url, userAgent: firefox })
  await context.request.post('/login', { data: { name: 'ada', password: 'ada' } })
  return context.storageState()
})()
for (const [name, path, viewport, colorScheme] of shots) {
  const context = await browser.newContext({
    baseURL: url,
    userAgent: firefox,
    viewport,
    colorScheme,
    reducedMotion: 'reduce',
    storageState: state
  })
  const page = await context.newPage()
  await page.goto(path)
  await page.locator(path.startsWith('/admin') ? 'table.sessions tbody tr, .feed .badge' : '.list .row .name').nth(2).waitFor()
  await page.waitForTimeout(500)
  const image = pack(await page.screenshot())
  await writeFile(at(`../docs/images/${name}`), image)
  console.log(`${name} ${Math.round(image.length / 1024)} kB`)
  await context.close()
}
await browser.close()
demo.kill()
