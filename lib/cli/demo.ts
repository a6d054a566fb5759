import Fastify from 'fastify'
import { fastifySessionManager } from '../plugin.ts'
import type { Command } from './command.ts'
import { UsageError } from './terminal.ts'

/** The demo of the package: an app with a week of sessions in it. Runs until it is stopped. */
export const demoCommand: Command = {
  name: 'demo',
  usage: '',
  summary: 'an app to look at, on this machine only (PORT chooses its port)',
  options: {},
  words: [0, 0],
  target: false,
  async run ({ terminal }) {
    const port = Number(terminal.env['PORT'] ?? 3000)
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new UsageError('Expected PORT to be a port.')
    // examples lie at the root of the package, two levels above the source and three above what is built
    const root = import.meta.url.includes('/dist/lib/') ? '../../../' : '../../'
    const { start } = await import(new URL(`${root}examples/start.js`, import.meta.url).href) as { start: (fastify: typeof Fastify, sessions: typeof fastifySessionManager, options: object) => Promise<void> }
    await start(Fastify, fastifySessionManager, { log: (text: string) => { terminal.out(`${text}\n`) }, signal: terminal.signal, port })
    return 0
  }
}
