import { pagesOf } from '../async.ts'
import type { EventView } from '../events/events.ts'
import type { Command, CommandContext } from './command.ts'
import { filterOptions, toCount, toFilter, toQuery } from './filter.ts'
import { requestJson } from './target.ts'
import { clean, table } from './terminal.ts'

/** A session in the admin routes. */
export interface SessionRow {
  readonly id: string
  readonly userId: string | null
  readonly state: 'live' | 'ended'
  readonly deviceLabel: string
  readonly ip: string | null
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly endedAt: string | null
  readonly reason: string | null
  readonly requestCount: number
}

interface SessionPage {
  readonly items: readonly SessionRow[]
  readonly cursor: string | null
}

interface Detail {
  readonly session: SessionRow & Readonly<Record<string, unknown>>
  readonly timeline: readonly { readonly at: string, readonly text: string, readonly details: Readonly<Record<string, unknown>> }[]
}

interface Numbers {
  readonly live: number
  readonly users: number
  readonly guests: number
  readonly remembered: number
  readonly created: number
  readonly requests: number
  readonly ended: Readonly<Record<string, number>>
  readonly [other: string]: unknown
}

/** Returns sessions as a table. */
export function sessionTable (rows: readonly SessionRow[]): string {
  return table(['ID', 'USER', 'DEVICE', 'IP', 'CREATED', 'LAST SEEN', 'REQUESTS', 'STATE'], rows.map(row => [
    row.id, row.userId, row.deviceLabel, row.ip, short(row.createdAt), short(row.lastSeenAt), row.requestCount,
    row.state === 'live' ? 'live' : String(row.reason)
  ]))
}

function short (iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}

function detailsText (details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details).map(([name, value]) => `${name}=${String(toText(value))}`).join(' ')
}

/** Returns a field as one text: the parts of a device and the methods are joined. */
function toText (value: unknown): string | null {
  if (typeof value === 'string' || value === null) return value
  return typeof value === 'object' ? Object.values(value).filter(part => part !== null).join(' ') : JSON.stringify(value)
}

/** The commands that show statistics, lists, single sessions and live events. */
export const inspectCommands: readonly Command[] = [
  {
    name: 'stats',
    usage: '[--range 1h|24h|7d|30d]',
    summary: 'statistics of a range',
    options: { range: { type: 'string', value: '1h|24h|7d|30d', help: 'default 24h' } },
    positionals: [0, 0],
    target: true,
    async run ({ terminal, target, values, json }) {
      const query = toQuery({}, { range: values['range'] as string | undefined })
      const numbers = await requestJson<Numbers>(target, '/statistics', { query })
      const { live, users, guests, remembered, created, requests, ended } = numbers
      const lines = table(['SESSIONS', ''], [
        ...Object.entries({ live, users, guests, remembered, created, requests }),
        ...Object.entries(ended).map(([reason, count]): [string, number] => [`ended: ${reason}`, count])
      ])
      terminal.out(json ? `${JSON.stringify(numbers)}\n` : lines)
      return 0
    }
  },
  {
    name: 'list',
    usage: '[filter] [--limit 50 | --all] [--order newest|oldest]',
    summary: 'sessions that match',
    options: {
      ...filterOptions,
      limit: { type: 'string', value: '<n>', help: 'at most n sessions; default 50' },
      all: { type: 'boolean', help: 'without a limit' },
      order: { type: 'string', value: 'newest|oldest', help: 'default newest' }
    },
    positionals: [0, 0],
    target: true,
    async run (run) {
      const { terminal, values, json } = run
      const rows: SessionRow[] = []
      let count = 0
      for await (const page of pages(run)) {
        count += page.length
        if (json) terminal.out(page.map(row => `${JSON.stringify(row)}\n`).join(''))
        else rows.push(...page)
      }
      if (!json) terminal.out(count === 0 ? 'No session matches.\n' : sessionTable(rows))
      if (!json && values['all'] !== true && count === limitOf(values)) terminal.err(`The first ${count}; there may be more: --all\n`)
      return 0
    }
  },
  {
    name: 'show',
    usage: '<id>',
    summary: 'one session and its timeline',
    options: {},
    positionals: [1, 1],
    target: true,
    async run ({ terminal, target, positionals: [id = ''], json }) {
      const detail = await requestJson<Detail>(target, `/${encodeURIComponent(id)}`)
      if (json) terminal.out(`${JSON.stringify(detail)}\n`)
      else {
        terminal.out(table(['SESSION', ''], Object.entries(detail.session).map(([name, value]) => [name, toText(value)])))
        terminal.out(`\n${table(['WHEN', 'WHAT', ''], detail.timeline.map(({ at, text, details }) => [at, text, detailsText(details)]))}`)
      }
      return 0
    }
  },
  {
    name: 'tail',
    usage: '[--type ended] [--security]',
    summary: 'stream live events',
    options: {
      type: { type: 'string', multiple: true, value: '<type>', help: 'events of this type, such as ended; may be repeated' },
      security: { type: 'boolean', help: 'security events only' }
    },
    positionals: [0, 0],
    target: true,
    async run ({ terminal, target, values, json }) {
      const types = values['type'] as readonly string[] | undefined
      try {
        for await (const event of events(await target.stream('/events'))) {
          if ((types !== undefined && !types.includes(event.type)) || (values['security'] === true && !event.security)) continue
          const details = detailsText(event.details)
          const rest = [event.userId ?? '', event.id ?? '', details].filter(text => text !== '').join('  ')
          const line = `${event.at}  ${event.level.padEnd(5)}  ${clean(event.text)}  ${clean(rest)}`
          terminal.out(json ? `${JSON.stringify(event)}\n` : `${line}\n`)
        }
      } catch (error) {
        if (!terminal.signal.aborted) throw error
      }
      return 0
    }
  }
]

/** Yields pages of a list, up to the limit. */
async function * pages ({ target, values }: CommandContext): AsyncGenerator<readonly SessionRow[]> {
  const filter = toFilter(values)
  let left = values['all'] === true ? Infinity : limitOf(values)
  const order = values['order'] as string | undefined
  const next = (cursor: string | null): Promise<SessionPage> =>
    requestJson(target, '/', { query: toQuery(filter, { limit: Math.min(left, 200), order, cursor: cursor ?? undefined }) })
  for await (const { items } of pagesOf(next)) {
    yield items
    left -= items.length
    if (left <= 0) return
  }
}

function limitOf (values: Readonly<Record<string, unknown>>): number {
  return Math.max(1, toCount((values['limit'] as string | undefined) ?? '50', 'limit'))
}

/** Yields the data of server-sent events (WHATWG HTML §9.2). */
async function * events (chunks: AsyncIterable<Buffer>): AsyncGenerator<EventView> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() as string
    for (const block of blocks) {
      const data = block.split('\n').filter(line => line.startsWith('data:')).map(line => line.slice(5).trim()).join('\n')
      if (data !== '') yield JSON.parse(data) as EventView
    }
  }
}
