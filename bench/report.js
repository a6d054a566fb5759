import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, totalmem } from 'node:os'
import { pinned } from './cores.js'

const packages = ['fastify', '@fastify/cookie', '@fastify/session', '@fastify/secure-session', 'express', 'express-session', 'connect-redis', 'iron-session', 'better-auth', 'redis', 'ioredis', 'pg']
const require = createRequire(import.meta.url)

/** Where and on what a run took place. */
export function circumstances () {
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`,
    node: process.version,
    pinned,
    versions: Object.fromEntries(packages.map(name => [name, versionOf(name)]))
  }
}

/** A table of rows as Markdown, whose columns line up in a terminal, too. */
export function table ({ columns }, rows) {
  const shown = columns.filter(([key]) => rows.some(row => row[key] !== undefined))
  const lines = [shown.map(([, title]) => title), ...rows.map(row => shown.map(([key]) => text(row[key], key)))]
  const widths = shown.map((_, i) => Math.max(...lines.map(line => line[i].length)))
  const written = lines.map(line => `| ${line.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join(' | ')} |`)
  written.splice(1, 0, `|${widths.map((width, i) => i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`).join('|')}|`)
  return written.join('\n')
}

/** The page of a run. */
export function page (sections, { command, at }) {
  const versions = Object.entries(at.versions).map(([name, version]) => `${name} ${version}`).join(', ')
  return `# Benchmarks

<!-- Written by \`${command}\`. Do not edit: run it again. -->

Measured on ${at.date} by \`${command}\`. Node.js ${at.node} on ${at.machine}. ${versions}.

Each server is a separate process${at.pinned ? ' on one core; another process on another core creates the load' : ''}. The load has 64 persistent connections, one request at a time on each. Servers take turns in rounds while the others are stopped.
Each figure is the median over the rounds. CPU is \`process.cpuUsage()\` of the server, garbage collection included, divided by the requests. “Over bare” subtracts the CPU of bare Fastify in the same
round. “Least” is the minimum of all rounds minus the minimum of bare Fastify. A server that calls Redis or PostgreSQL in each request has a client that sleeps, and is compared with bare Fastify under such a client. Compare ratios: absolute figures vary with the machine. \`busy\` in the JSON is the share of its core that a server used.
[Performance](explanation/performance.md) explains the method and the optimizations.

${withLogout(sections).map(({ question, rows }) => `## ${question.title}\n\n${question.text}\n\n${table(question, rows)}\n`).join('\n')}`
}

/** Logins and logouts are of the same servers: they share a table. */
function withLogout (sections) {
  const [login, logout] = ['Log in', 'Log out'].map(title => sections.find(({ question }) => question.title === title))
  if (login === undefined || logout === undefined) return sections
  const columns = (prefix, { question }) => question.columns.slice(1).map(([key, title], i) => [prefix + key, i === 0 ? `${prefix}${title}` : title])
  const cells = (prefix, row = {}) => Object.fromEntries(Object.entries(row).map(([key, value]) => [prefix + key, value]))
  const question = {
    title: 'Log in and log out',
    text: 'CPU per `POST /login` with a user id in the body, and per `POST /logout` with a valid cookie, over a POST on bare Fastify. No password is checked; only the session costs.',
    columns: [login.question.columns[0], ...columns('login, ', login), ...columns('logout, ', logout)]
  }
  const rows = login.rows.map(row => ({ server: row.server, ...cells('login, ', row), ...cells('logout, ', logout.rows.find(({ server }) => server === row.server)) }))
  return sections.flatMap(section => section === login ? [{ question, rows }] : section === logout ? [] : [section])
}

/** A figure as a cell shows it. */
export function text (value, key = '') {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  if (/ofBare$|^ofLeast$|^seconds$|^commands/i.test(key)) return value.toFixed(2)
  return Number.isInteger(value) || value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1)
}

function versionOf (name) {
  // not every package exports its package.json
  const path = require.resolve.paths(name).map(dir => `${dir}/${name}/package.json`).find(path => { try { readFileSync(path); return true } catch { return false } })
  return path === undefined ? 'absent' : JSON.parse(readFileSync(path)).version
}
