import type { VNode } from 'preact'
import { html } from '../shared/html.ts'
import type { Words } from '../shared/words.ts'
import type { FilterName } from './place.ts'
import type { Statistics, Top } from './types.ts'

export interface TopsProps {
  readonly statistics: Statistics | null
  readonly words: Words
  readonly onFilter: (name: FilterName, value: string) => void
}

const shown = 5

/** The most frequent values of the range. Each links to its sessions. */
export function Tops ({ statistics, words, onFilter }: TopsProps): VNode {
  const { say } = words
  if (statistics === null) return html`<div class="tops">${[0, 1, 2, 3].map(() => html`<div class="card top skeleton"></div>`)}</div>`
  const { topIps, topBrowsers, topOs, topUsers, lifetimes } = statistics
  const percent = new Intl.NumberFormat(words.lang, { style: 'percent', maximumFractionDigits: 0 })
  const total = (tops: readonly Top[]): number => tops.reduce((sum, { sessions }) => sum + sessions, 0)
  const share = (tops: readonly Top[]) => ({ sessions }: Top): string => percent.format(sessions / Math.max(1, total(tops)))
  const lived = lifetimes.map(({ below, count }, i) => ({
    key:
      below === null
        ? say('top.above', { span: words.span(lifetimes[i - 1]?.below ?? 0) })
        : say('top.below', { span: words.span(below) }),
    sessions: count,
    users: 0
  }))
  return html`<div class="tops">
    <${List}
      ...${{ id: 'ips', words, tops: topIps, filter: 'ip', onFilter, note: 'top.sessionsUsers', describe: ({ sessions, users }: Top) => `${words.number(sessions)} · ${words.number(users)}` }}
    />
    <${List}
      ...${{ id: 'browsers', words, tops: topBrowsers, filter: 'browser', onFilter, note: 'top.share', describe: share(topBrowsers) }}
    />
    <${List} ...${{ id: 'os', words, tops: topOs, filter: 'os', onFilter, note: 'top.share', describe: share(topOs) }} />
    <${List}
      ...${{ id: 'users', words, tops: topUsers, filter: 'userId', onFilter, note: 'top.sessions', describe: ({ sessions }: Top) => words.number(sessions) }}
    />
    <${List}
      ...${{ id: 'lifetimes', words, tops: total(lived) === 0 ? [] : lived, filter: null, onFilter, note: 'top.sessions', describe: ({ sessions }: Top) => words.number(sessions), all: true }}
    />
  </div>`
}

function List ({
  id,
  words,
  tops,
  filter,
  onFilter,
  note,
  describe,
  all = false
}: {
  readonly note: string
  readonly id: string
  readonly words: Words
  readonly tops: readonly Top[]
  readonly filter: FilterName | null
  readonly onFilter: TopsProps['onFilter']
  readonly describe: (top: Top) => string
  readonly all?: boolean
}): VNode {
  const { say } = words
  const most = Math.max(1, ...tops.map(({ sessions }) => sessions))
  return html`<section class="card top" aria-labelledby=${`top-${id}`}>
    <header class="top-head">
      <h2 id=${`top-${id}`}>${say(`top.${id}`)}</h2>
      <span class="hint">${say(note)}</span>
    </header>
    ${tops.length === 0 && html`<p class="hint empty">${say('top.none')}</p>`}
    <ol role="list">
      ${tops.slice(0, all ? tops.length : shown).map(
        top =>
          html`<li key=${top.key}>
            ${
              filter === null || top.key === 'Unknown'
                ? html`<span class="top-key" title=${top.key}>${top.key}</span>`
                : html`<button
                    class="link top-key"
                    type="button"
                    title=${say('top.filter', { key: top.key })}
                    onClick=${() => {
                      onFilter(filter, top.key)
                    }}
                  >
                    ${top.key}
                  </button>`
            }
            <span class="top-count">${describe(top)}</span>
            <span class="bar" aria-hidden="true"><span class="fill" style=${{ width: `${(top.sessions / most) * 100}%` }}></span></span>
          </li>`
      )}
    </ol>
  </section>`
}
