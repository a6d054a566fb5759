import { useEffect, useRef, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import UPlot from 'uplot'
import { html } from '../shared/html.ts'
import type { Words } from '../shared/words.ts'

export interface Line {
  readonly label: string
  readonly values: readonly number[]
  /** A custom property of the style sheet. */
  readonly color: string
  readonly soft: string
  readonly kind: 'area' | 'bars'
  /** Drawn downwards from zero. */
  readonly below?: boolean
}

export interface ChartProps {
  readonly title: string
  readonly note?: string
  /** Seconds since the epoch. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  /** Returns the values of one point in time: `1,284 sessions`. */
  readonly describe: (index: number) => string
  readonly height: number
  readonly words: Words
  /** Whether a legend explains the colors. */
  readonly keys?: boolean
  /** For users who cannot see it. */
  readonly summary: string
  /** Changes when the colors do. */
  readonly theme: string
}

/** A chart over time, with the values at the pointer, and the same as a table. */
export function Chart (props: ChartProps): VNode {
  const { title, note, times, lines, describe, height, words, summary, theme, keys = false } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  const [at, setAt] = useState<number | null>(null)
  const [open, setOpen] = useState(false)
  const data = [
    times,
    ...lines.map(({ values, below }) => (below === true ? values.map(value => -value) : values))
  ] as unknown as UPlot.AlignedData
  // charts of the same range share their cursor
  const shape = `${theme} ${words.lang} ${times[0] ?? 0} ${times.length}`

  useEffect(() => {
    const element = box.current
    if (element === null) return undefined
    const made = new UPlot(toOptions(element, props, setAt), data, element)
    plot.current = made
    const observer = new ResizeObserver(() => { made.setSize({ width: element.clientWidth, height }) })
    observer.observe(element)
    return () => { observer.disconnect(); made.destroy(); plot.current = null }
  }, [shape])
  useEffect(() => { plot.current?.setData(data) }, [times, ...lines.map(line => line.values)])

  const shown = at !== null && at < times.length ? at : null
  return html`<figure class="card chart">
    <figcaption class="chart-head">
      <h2>${title}</h2>
      ${note !== undefined && html`<span class="hint">${note}</span>`}
      ${
        keys &&
        lines.map(
          ({ label, color }) =>
            html`<span class="key" key=${label}
              ><svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
                <rect width="10" height="10" rx="3" style=${{ fill: `var(${color})` }} /></svg
              >${label}</span
            >`
        )
      }
      <span class="readout" aria-hidden="true"
        >${shown === null ? '' : `${words.moment((times[shown] as number) * 1000)} · ${describe(shown)}`}</span
      >
    </figcaption>
    <div class="plot" ref=${box} role="img" aria-label=${summary} style=${{ minHeight: `${height}px` }}></div>
    <details
      class="numbers"
      onToggle=${(event: Event) => {
        setOpen((event.target as HTMLDetailsElement).open)
      }}
    >
      <summary>${words.say('chart.table')}</summary>
      ${
        open &&
        html`<div class="scroll" role="region" aria-label=${title} tabindex="0">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">${words.say('chart.time')}</th>
                ${lines.map(({ label }) => html`<th scope="col" class="number">${label}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${times.map(
                (time, i) =>
                  html`<tr key=${time}>
                    <th scope="row">${words.moment(time * 1000)}</th>
                    ${lines.map(({ values }) => html`<td class="number">${words.number(values[i] ?? 0)}</td>`)}
                  </tr>`
              )}
            </tbody>
          </table>
        </div>`
      }
    </details>
  </figure>`
}

function toOptions (element: HTMLElement, { lines, times, height, words }: ChartProps, onAt: (index: number | null) => void): UPlot.Options {
  // canvas does not support light-dark(): an element resolves a color
  const resolveColor = (name: string): string => {
    element.style.color = `var(${name})`
    const found = getComputedStyle(element).color
    element.style.color = ''
    return found
  }
  const line = resolveColor('--line')
  const font = `11px ${getComputedStyle(element).fontFamily}`
  const axis = { stroke: resolveColor('--soft'), font, grid: { stroke: line, width: 1 }, ticks: { show: false } } satisfies UPlot.Axis
  const mirrored = lines.some(({ below }) => below === true)
  const days = (times.at(-1) ?? 0) - (times[0] ?? 0) > 2 * 86_400
  const span = (times[1] ?? 0) - (times[0] ?? 0)
  const compact = new Intl.NumberFormat(words.lang, { notation: 'compact' })
  return {
    width: element.clientWidth,
    height,
    padding: [10, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, sync: { key: 'sessions' }, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      // space for the halves of the first and the last bar
      ...(lines.some(({ kind }) => kind === 'bars')
        ? { x: { range: (_plot: UPlot, min: number, max: number): UPlot.Range.MinMax => [min - span / 2, max + span / 2] } }
        : {}),
      y: { range: (_plot, min, max) => [mirrored ? Math.min(-4, min * 1.12) : 0, Math.max(4, max * 1.1)] }
    },
    axes: [
      { ...axis, space: 60, size: days ? 22 : 36, values: (_plot, splits) => toTimes(splits, words.lang) },
      {
        ...axis,
        space: 26,
        size: 40,
        gap: 6,
        values: (_plot, splits) => splits.map(value => (Number.isInteger(value) ? compact.format(Math.abs(value)) : ''))
      }
    ],
    series: [
      {},
      ...lines.map(({ label, color: name, soft, kind }): UPlot.Series => ({
        label,
        stroke: resolveColor(name),
        width: kind === 'bars' ? 0 : 2,
        points: { show: false },
        fill: resolveColor(kind === 'bars' ? name : soft),
        ...(kind === 'bars'
          ? { paths: (UPlot.paths.bars as UPlot.Series.BarsPathBuilderFactory)({ size: [0.78, 24], radius: 0.2 }) }
          : { paths: (UPlot.paths.spline as UPlot.Series.SplinePathBuilderFactory)() })
      }))
    ],
    hooks: {
      setCursor: [
        plot => {
          onAt(plot.cursor.idx ?? null)
        }
      ]
    }
  }
}

/** Labels of the time axis: hours within a day, otherwise days; the first label of a day has its date. */
function toTimes (splits: readonly number[], lang: string): string[] {
  const hour = new Intl.DateTimeFormat(lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const day = new Intl.DateTimeFormat(lang, { month: 'short', day: 'numeric' })
  const step = (splits[1] ?? 0) - (splits[0] ?? 0)
  let last = ''
  return splits.map(split => {
    const date = new Date(split * 1000)
    const today = day.format(date)
    const text = step >= 86_400 ? today : today === last ? hour.format(date) : `${hour.format(date)}\n${today}`
    last = today
    return text
  })
}
