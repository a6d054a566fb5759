#!/usr/bin/env node
import { createInterface } from 'node:readline/promises'
import { main } from '../dist/lib/cli/main.js'

const stop = new AbortController()
// a second one ends it at once
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { stop.abort() })
process.exitCode = await main(process.argv.slice(2), {
  out: text => { process.stdout.write(text) },
  err: text => { process.stderr.write(text) },
  input: process.stdin,
  interactive: process.stderr.isTTY === true && process.stdin.isTTY === true,
  async ask (question) {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await lines.question(question, { signal: stop.signal })
    } finally {
      lines.close()
    }
  },
  env: process.env,
  signal: stop.signal
})
