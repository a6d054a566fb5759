import Fastify from 'fastify'
import { fastifySessionManager } from '../plugin/plugin.ts'
import type { Command } from './command.ts'
import { UsageError } from './terminal.ts'

type Start = (fastify: typeof Fastify, sessions: typeof fastifySessionManager, options: object) => Promise<void>

/** Starts the demo: an app with a week of sample sessions. Runs until it is stopped. */
export const demoCommand: Command = {
  name: 'demo',
  usage: '',
  summary: 'start a demo app, on this machine only (PORT sets its port)',
  options: {},
  positionals: [0, 0],
  target: false,
  async run ({ terminal }) {
    const { PORT = '3000' } = terminal.env
    const port = Number(PORT)
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new UsageError('Expected PORT to be a port.')
    // examples are at the root of the package, wherever this file is
    const script = new URL('examples/start.js', import.meta.resolve('fastify-session-manager/package.json'))
    const { start } = await import(script.href) as { start: Start }
    await start(Fastify, fastifySessionManager, { log: (text: string) => { terminal.out(`${text}\n`) }, signal: terminal.signal, port })
    return 0
  }
}
