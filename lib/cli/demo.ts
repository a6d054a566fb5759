import Fastify from 'fastify'
import { fastifySessionManager } from '../plugin/plugin.ts'
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
    const { PORT = '3000' } = terminal.env
    const port = Number(PORT)
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new UsageError('Expected PORT to be a port.')
    // examples lie at the root of the package, wherever this file does
    const { start } = await import(new URL('examples/start.js', import.meta.resolve('fastify-session-manager/package.json')).href) as { start: (fastify: typeof Fastify, sessions: typeof fastifySessionManager, options: object) => Promise<void> }
    await start(Fastify, fastifySessionManager, { log: (text: string) => { terminal.out(`${text}\n`) }, signal: terminal.signal, port })
    return 0
  }
}
