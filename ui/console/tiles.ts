import type { VNode } from 'preact'
import { html } from '../shared/html.ts'
import type { Words } from '../shared/words.ts'
import { endedOf } from './charts.ts'
import type { Statistics } from './types.ts'
import { reasons } from './types.ts'

interface Tile { readonly label: string, readonly value: number, readonly change?: VNode | null, readonly text: string }

/** The tiles with the most important numbers. */
export function Tiles ({ statistics, words }: { readonly statistics: Statistics | null, readonly words: Words }): VNode {
  const { say } = words
  if (statistics === null) {
    return html`<div class="tiles" aria-hidden="true">
      ${[0, 1, 2, 3, 4, 5].map(() => html`<div class="card tile"><span class="skeleton">Active now</span><span class="skeleton figure">1,284</span><span class="skeleton">4.2 %</span></div>`)}
    </div>`
  }
  const { range, live, users, sessionsPerUser, created, createdRemembered, ended, security, previous, buckets } = statistics
  const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((total, count) => total + count, 0)
  const percent = new Intl.NumberFormat(words.lang, { style: 'percent', maximumFractionDigits: 0 })
  const tiles: Tile[] = [
    {
      label: say('tile.live'),
      value: live,
      change: toChange(live, buckets[0]?.live ?? 0, { words, bad: null }),
      text: say('tile.liveThen', { count: buckets[0]?.live ?? 0, range })
    },
    { label: say('tile.users'), value: users, text: say('tile.usersPer', { value: words.number(sessionsPerUser) }) },
    {
      label: say('tile.created', { range }),
      value: created,
      change: previous && toChange(created, previous.created, { words, bad: null }),
      text: say('tile.remembered', { share: percent.format(created === 0 ? 0 : createdRemembered / created) })
    },
    { label: say('tile.ended', { range }), value: endedOf(statistics), text: most(ended, reasons, 'reason', words) },
    {
      label: say('tile.evicted'),
      value: ended.evicted,
      change: previous && toChange(ended.evicted, previous.ended.evicted, { words, bad: null }),
      text: say('tile.evictedText')
    },
    {
      label: say('tile.security'),
      value: sum(security),
      change: previous && toChange(sum(security), sum(previous.security), { words, bad: true }),
      text: sum(security) === 0 ? say('tile.securityNone') : most(security, Object.keys(security), 'event', words)
    }
  ]
  return html`<dl class="tiles">
    ${tiles.map(
      ({ label, value, change, text }) =>
        html`<div class="card tile" key=${label}>
          <dt>${label}</dt>
          <dd class="figure">${words.number(value)}${change}</dd>
          <dd class="hint">${text}</dd>
        </div>`
    )}
  </dl>`
}

/** Returns the three most frequent keys as text. */
function most (counts: Readonly<Record<string, number>>, keys: readonly string[], kind: string, words: Words): string {
  return keys.map(key => [key, counts[key] ?? 0] as const).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]).slice(0, 3)
    .map(([key, count]) => `${words.number(count)} ${words.say(`${kind}.${key}`)}`).join(' · ')
}

/** Returns the change from the previous number. `bad`: growth is bad; `null`: growth is neither good nor bad. */
function toChange (value: number, before: number, { words, bad }: { readonly words: Words, readonly bad: boolean | null }): VNode | null {
  // compared with a tiny number, every change would be huge
  if (value === before || before === 0 || value > before * 10) return null
  const share = new Intl.NumberFormat(words.lang, { style: 'percent', maximumFractionDigits: 1 }).format(Math.abs(value - before) / before)
  const up = value > before
  const tone = bad === null ? 'good' : up === bad ? 'bad' : 'good'
  return html`<span class=${`change ${bad === null && !up ? '' : tone}`} title=${words.say('tile.versus')}
    ><span aria-hidden="true">${up ? '▲' : '▼'}</span><span class="unseen">${up ? '+' : '−'}</span> ${share}</span
  >`
}
