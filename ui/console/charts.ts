import type { VNode } from 'preact'
import { html } from '../shared/html.ts'
import type { Words } from '../shared/words.ts'
import { Chart } from './chart.ts'
import type { Bucket, Statistics } from './types.ts'

/** The charts of the range. */
export function Charts ({ statistics, words, theme }: { readonly statistics: Statistics | null, readonly words: Words, readonly theme: string }): VNode {
  const { say } = words
  if (statistics === null) {
    return html`<div class="charts">
      <div class="card chart skeleton tall"></div>
      <div class="card chart skeleton"></div>
      <div class="card chart skeleton"></div>
    </div>`
  }
  const { range, buckets, interval, live } = statistics
  const times = buckets.map(({ start }) => Date.parse(start) / 1000)
  // the last bucket is incomplete: the current number of live sessions is the last point of the line
  const lives = buckets.map((_, i) => i === buckets.length - 1 ? live : (buckets[i + 1] as Bucket).live)
  const created = buckets.map(bucket => bucket.created)
  const ended = buckets.map(endedOf)
  const requests = buckets.map(bucket => bucket.requests)
  const note = say(interval < 3_600_000 ? 'chart.fine' : 'chart.hour')
  const summary = (title: string, values: readonly number[]): string => say('chart.summary', {
    title: say(title), range: say(`range.${range}`), from: values[0] ?? 0, to: values.at(-1) ?? 0, max: Math.max(0, ...values)
  })
  const common = { times, words, theme }
  return html`<div class="charts">
    <${Chart}
      ...${{
        ...common,
        title: say('chart.live'),
        height: 220,
        summary: summary('chart.live', lives),
        describe: (i: number) => say('chart.sessions', { count: lives[i] ?? 0 }),
        lines: [{ label: say('chart.live'), values: lives, color: '--accent', soft: '--accent-soft', kind: 'area' }]
      }}
    />
    <${Chart}
      ...${{
        ...common,
        title: say('chart.flow'),
        note,
        keys: true,
        height: 150,
        summary: summary('chart.flow', created),
        describe: (i: number) =>
          `${words.number(created[i] ?? 0)} ${say('chart.created')} · ${words.number(ended[i] ?? 0)} ${say('chart.ended')}`,
        lines: [
          { label: say('chart.created'), values: created, color: '--bar', soft: '--bar', kind: 'bars' },
          { label: say('chart.ended'), values: ended, color: '--second', soft: '--second', kind: 'bars', below: true }
        ]
      }}
    />
    <${Chart}
      ...${{
        ...common,
        title: say('chart.requests'),
        note,
        height: 150,
        summary: summary('chart.requests', requests),
        describe: (i: number) => say('chart.requestsCount', { count: requests[i] ?? 0 }),
        lines: [{ label: say('chart.requests'), values: requests, color: '--third', soft: '--third-soft', kind: 'area' }]
      }}
    />
  </div>`
}

export function endedOf ({ ended }: Pick<Bucket, 'ended'>): number {
  return Object.values(ended).reduce((total, count) => total + count, 0)
}
