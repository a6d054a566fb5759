import { useEffect, useRef, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { html } from '../shared/html.ts'
import { Icon } from '../shared/icons.ts'
import type { Words } from '../shared/words.ts'
import { filterNames, isInstant, toTimestamp } from './place.ts'
import type { FilterName, Filters } from './place.ts'
import { reasons } from './types.ts'

export interface FiltersProps {
  readonly filters: Filters
  readonly words: Words
  readonly onFilters: (filters: Filters, replace?: boolean) => void
}

/** Filters of only live, and of only ended, sessions: the server rejects them for the other kind. */
const onlyEnded: readonly FilterName[] = ['reason', 'endedAfter', 'endedBefore']
const onlyLive: readonly FilterName[] = ['expiresBefore']

/** Changes one filter, and removes those that cannot be combined with it. */
export function changed (filters: Filters, name: FilterName, value: string): Filters {
  const next = value === '' ? without(filters, [name]) : { ...filters, [name]: value }
  if (name === 'state') return value === 'ended' ? without(next, [...onlyLive, 'at']) : without(next, onlyEnded)
  if (value === '') return next
  if (name === 'at') return without(next, [...onlyEnded, ...onlyLive, 'state'])
  if (onlyEnded.includes(name)) return { ...without(next, [...onlyLive, 'at']), state: 'ended' }
  return onlyLive.includes(name) ? without(next, [...onlyEnded, 'at', 'state']) : next
}

function without (filters: Filters, names: readonly FilterName[]): Filters {
  return Object.fromEntries(Object.entries(filters).filter(([name]) => !names.includes(name as FilterName)))
}

/** Search, state and every other filter; each change is a step in the history of the browser. */
export function FilterBar ({ filters, words, onFilters }: FiltersProps): VNode {
  const { say } = words
  const [open, setOpen] = useState(false)
  const active = filterNames.filter(name => name !== 'search' && name !== 'state' && filters[name] !== undefined)
  return html`<div class="filterbar" role="search" aria-label=${say('list.title')}>
      <${Search} ...${{ filters, words, onFilters }} />
      <select
        class="input state"
        aria-label=${say('list.state')}
        value=${filters.at !== undefined ? 'live' : (filters.state ?? 'live')}
        onChange=${(event: Event) => {
          onFilters(changed(filters, 'state', (event.target as HTMLSelectElement).value === 'ended' ? 'ended' : ''))
        }}
      >
        <option value="live">${say('list.live')}</option>
        <option value="ended">${say('list.ended')}</option>
      </select>
      <button
        class="button"
        type="button"
        aria-expanded=${open}
        aria-controls="filters"
        onClick=${() => {
          setOpen(!open)
        }}
      >
        <${Icon}
          name="filter"
          size=${16}
        />${say('list.filters')}${active.length > 0 && html`<span class="badge">${active.length}</span>`}
      </button>
    </div>
    ${open && html`<${FilterForm} ...${{ filters, words, onFilters }} />`}
    ${
      active.length > 0 &&
      html`<ul class="chips" role="list">
        ${active.map(
          name =>
            html`<li key=${name}>
              <button
                class="chip"
                type="button"
                aria-label=${say('filter.remove', { name: say(`filter.${name}`), value: tellValue(name, filters[name] ?? '', words) })}
                onClick=${() => {
                  onFilters(changed(filters, name, ''))
                }}
              >
                <span class="soft">${say(`filter.${name}`)}</span> ${tellValue(name, filters[name] ?? '', words)}
                <${Icon} name="close" size=${12} />
              </button>
            </li>`
        )}
        <li>
          <button
            class="button plain"
            type="button"
            onClick=${() => {
              onFilters({})
            }}
          >
            ${say('list.clear')}
          </button>
        </li>
      </ul>`
    }`
}

function tellValue (name: FilterName, value: string, words: Words): string {
  if (name === 'remembered' || name === 'guest') return words.say(`filter.${value}`)
  if (name === 'reason') return words.say(`reason.${value}`)
  return isInstant(name) ? words.moment(toTimestamp(value)) : value
}

const typingPause = 250

function Search ({ filters, words, onFilters }: FiltersProps): VNode {
  const [text, setText] = useState(filters.search ?? '')
  const timer = useRef(0)
  useEffect(() => { setText(filters.search ?? '') }, [filters.search])
  const type = (event: InputEvent): void => {
    const { value } = event.target as HTMLInputElement
    setText(value)
    window.clearTimeout(timer.current)
    timer.current = window.setTimeout(() => {
      onFilters(changed(filters, 'search', value.trim()), filters.search !== undefined)
    }, typingPause)
  }
  return html`<input
    class="input search"
    type="search"
    maxlength="256"
    placeholder=${words.say('list.search')}
    aria-label=${words.say('list.search')}
    value=${text}
    onInput=${type}
  />`
}

/** Every field, applied together. */
function FilterForm ({ filters, words, onFilters }: FiltersProps): VNode {
  const { say } = words
  const apply = (event: SubmitEvent): void => {
    event.preventDefault()
    const form = new FormData(event.target as HTMLFormElement)
    let next = filters
    for (const name of filterNames) {
      const value = form.get(name)
      if (typeof value === 'string' && value.trim() !== (filters[name] ?? '')) next = changed(next, name, value.trim())
    }
    onFilters(next)
  }
  const field = (name: FilterName, type = 'text', extra: Record<string, unknown> = {}): VNode =>
    html`<label class="field"
      >${say(`filter.${name}`)}<input
        class="input"
        name=${name}
        type=${type}
        defaultValue=${type === 'datetime-local' ? toLocal(filters[name]) : (filters[name] ?? '')}
        key=${`${name} ${filters[name] ?? ''}`}
        autocomplete="off"
        ...${extra}
    /></label>`
  const choice = (name: FilterName, values: readonly string[], text: (value: string) => string): VNode =>
    html`<label class="field"
      >${say(`filter.${name}`)}<select class="input" name=${name} key=${`${name} ${filters[name] ?? ''}`}>
        <option value="">${say('filter.any')}</option>
        ${values.map(value => html`<option value=${value} selected=${filters[name] === value}>${text(value)}</option>`)}
      </select></label
    >`
  const when = (name: FilterName): VNode => field(name, 'datetime-local')
  const truth = (value: string): string => say(`filter.${value}`)
  return html`<form id="filters" class="filters" onSubmit=${apply}>
    ${field('userId', 'text', { maxlength: 256 })}${field('ip', 'text', { maxlength: 64, placeholder: '203.0.113.0/24', spellcheck: false })}${field('browser', 'text', { maxlength: 64 })}${field('os', 'text', { maxlength: 64 })}
    ${choice('remembered', ['true', 'false'], truth)}${choice('guest', ['true', 'false'], truth)}${choice('reason', reasons, value => say(`reason.${value}`))}${when('at')}
    ${when('createdAfter')}${when('createdBefore')}${when('lastSeenAfter')}${when('lastSeenBefore')}
    ${when('expiresBefore')}${when('endedAfter')}${when('endedBefore')}
    ${field('minRequests', 'number', { min: 0, step: 1 })}${field('maxRequests', 'number', { min: 0, step: 1 })}
    <div class="apply"><button class="button strong" type="submit">${say('filter.apply')}</button></div>
  </form>`
}

/** Returns a timestamp as `datetime-local` writes it, in this browser's zone. */
function toLocal (value: string | undefined): string {
  const timestamp = toTimestamp(value ?? '')
  if (Number.isNaN(new Date(timestamp).getTime())) return ''
  return new Date(timestamp - new Date(timestamp).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
