import type { EventView } from '../events/events.ts'
import type { Command, Run } from './command.ts'
import { filterOptions, toCount, toFilter, toQuery } from './filter.ts'
import { ask } from './target.ts'
import { clean, table } from './terminal.ts'

/** A session, as the admin routes show it. */
export interface SessionRow {
  readonly id: string
  readonly userId: string | null
  readonly state: 'live' | 'ended'
  readonly device: string
  readonly ip: string | null
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly endedAt: string | null
  readonly reason: string | null
  readonly requests: number
}

interface Detail {
  readonly session: SessionRow & Readonly<Record<string, unknown>>
  readonly story: readonly { readonly at: string, readonly text: string, readonly details: Readonly<Record<string, unknown>> }[]
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

/** Sessions in columns. */
export function sessionTable (rows: readonly SessionRow[]): string {
  return table(['ID', 'USER', 'DEVICE', 'IP', 'CREATED', 'LAST SEEN', 'REQUESTS', 'STATE'], rows.map(row => [
    row.id, row.userId, row.device, row.ip, short(row.createdAt), short(row.lastSeenAt), row.requests, row.state === 'live' ? 'live' : String(row.reason)
  ]))
}

function short (iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}

/** Sees sessions: in numbers, in lists, one by one, as things happen. */
export const lookCommands: readonly Command[] = [
  {
    name: 'stats',
    usage: '[--range 1h|24h|7d|30d]',
    summary: 'numbers of a range',
    options: { range: { type: 'string' } },
    words: [0, 0],
    target: true,
    async run ({ terminal, target, values, json }) {
      const numbers = await ask<Numbers>(target, '/statistics', { query: toQuery({}, { range: values['range'] as string | undefined }) })
      const { live, users, guests, remembered, created, requests, ended } = numbers
      const lines = table(['SESSIONS', ''], [
        ...Object.entries({ live, users, guests, remembered, created, requests }), ...Object.entries(ended).map(([reason, count]): [string, number] => [`ended: ${reason}`, count])
      ])
      terminal.out(json ? `${JSON.stringify(numbers)}\n` : lines)
      return 0
    }
  },
  {
    name: 'list',
    usage: '[filter] [--limit 50 | --all] [--order newest|oldest]',
    summary: 'sessions that match',
    options: { ...filterOptions, limit: { type: 'string' }, all: { type: 'boolean' }, order: { type: 'string' } },
    words: [0, 0],
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
    summary: 'one session and its story',
    options: {},
    words: [1, 1],
    target: true,
    async run ({ terminal, target, positionals: [id = ''], json }) {
      const detail = await ask<Detail>(target, `/${encodeURIComponent(id)}`)
      if (json) terminal.out(`${JSON.stringify(detail)}\n`)
      else {
        terminal.out(table(['SESSION', ''], Object.entries(detail.session).map(([name, value]) => [name, value as string | null])))
        terminal.out(`\n${table(['WHEN', 'WHAT', ''], detail.story.map(({ at, text, details }) => [at, text, Object.entries(details).map(([name, value]) => `${name}=${String(value)}`).join(' ')]))}`)
      }
      return 0
    }
  },
  {
    name: 'tail',
    usage: '[--type ended] [--security]',
    summary: 'what happens, as it happens',
    options: { type: { type: 'string', multiple: true }, security: { type: 'boolean' } },
    words: [0, 0],
    target: true,
    async run ({ terminal, target, values, json }) {
      const types = values['type'] as readonly string[] | undefined
      try {
        for await (const event of events(await target.stream('/events'))) {
          if ((types !== undefined && !types.includes(event.type)) || (values['security'] === true && !event.security)) continue
          const details = Object.entries(event.details).map(([name, value]) => `${name}=${String(value)}`).join(' ')
          terminal.out(json ? `${JSON.stringify(event)}\n` : `${event.at}  ${event.level.padEnd(5)}  ${clean(event.text)}  ${clean([event.userId ?? '', event.id ?? '', details].filter(text => text !== '').join('  '))}\n`)
        }
      } catch (error) {
        if (!terminal.signal.aborted) throw error
      }
      return 0
    }
  }
]

/** Pages of a list, as many as were asked for. */
async function * pages ({ target, values }: Run): AsyncGenerator<readonly SessionRow[]> {
  const filter = toFilter(values)
  let left = values['all'] === true ? Infinity : limitOf(values)
  let cursor: string | null = null
  do {
    const query = toQuery(filter, { limit: Math.min(left, 200), order: values['order'] as string | undefined, cursor: cursor ?? undefined })
    const page: { items: readonly SessionRow[], cursor: string | null } = await ask(target, '/', { query })
    yield page.items
    left -= page.items.length
    cursor = page.cursor
  } while (cursor !== null && left > 0)
}

function limitOf (values: Readonly<Record<string, unknown>>): number {
  return Math.max(1, toCount((values['limit'] as string | undefined) ?? '50', 'limit'))
}

/** The data of server-sent events (WHATWG HTML §9.2). */
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
