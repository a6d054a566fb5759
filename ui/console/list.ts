import { useEffect, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { html } from '../shared/html.ts'
import { Icon } from '../shared/icons.ts'
import type { Words } from '../shared/words.ts'
import { FilterBar } from './filters.ts'
import { toTimestamp, toQuery } from './place.ts'
import type { Filters, Place } from './place.ts'
import { useResource } from './resource.ts'
import type { RevocationRequest } from './revoke.ts'
import { SessionRow } from './row.ts'
import type { EventView, Page, Reason, Session } from './types.ts'

export interface ListProps {
  readonly api: string
  readonly place: Place
  readonly words: Words
  readonly go: (change: Partial<Place>, replace?: boolean) => void
  readonly requestRevocation: (request: RevocationRequest) => void
  /** Sessions that were created or ended lately, as far as the page has received it. */
  readonly news: readonly EventView[]
  /** A change of this value requests the list again. */
  readonly reloads: number
}

const pageSize = 25

/** Sessions that match, in pages. Rows keep their places while the admin reads: ended ones are marked, and new ones appear on request. */
export function SessionList ({ api, place, words, go, requestRevocation, news, reloads }: ListProps): VNode {
  const { say } = words
  const { filters, order } = place
  const query = new URLSearchParams({ ...toQuery(filters), order }).toString()
  const [cursors, setCursors] = useState<readonly string[]>([])
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const cursor = cursors.at(-1)
  const page = useResource<Page>(
    `${api}/?${query}&limit=${pageSize}${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    { again: reloads }
  )
  const counted = useResource<{ count: number }>(`${api}/count?${new URLSearchParams(toQuery(filters)).toString()}`, { again: reloads })
  // the rows belong to the last response, until the next one has arrived
  const ended = /[?&](state=ended|reason=|ended(After|Before)=)/.test(page.url ?? '')
  useEffect(() => { setCursors([]); setSelected(new Set()) }, [query])
  useEffect(() => { setSelected(new Set()) }, [reloads])

  const gone = new Map(
    news.flatMap(event => (event.type === 'ended' && event.id !== null ? [[event.id, event.details['reason'] as Reason]] : []))
  )
  const items = (page.data?.items ?? []).map((session): Session =>
    gone.has(session.id) && session.state === 'live' ? { ...session, state: 'ended', reason: gone.get(session.id) ?? null } : session
  )
  // compared by the server's clock, only if new sessions would be on top
  const newest = Math.max(0, ...items.map(session => Date.parse(session.createdAt)))
  const known = new Set(items.map(session => session.id))
  const isNewer = (event: EventView): boolean =>
    event.type === 'created' &&
    event.id !== null &&
    Date.parse(event.at) >= newest &&
    !known.has(event.id) &&
    !gone.has(event.id) &&
    (filters.userId === undefined || filters.userId === event.userId)
  const newer =
    ended || order !== 'newest' || cursors.length > 0 || filters.at !== undefined || page.data === null ? 0 : news.filter(isNewer).length
  const selectable = items.filter(session => session.state === 'live')
  const chosen = selectable.filter(session => selected.has(session.id))
  const filtered = Object.keys(filters).length > 0
  const reload = (): void => { setCursors([]); page.reload(); counted.reload() }
  const select = (ids: readonly string[], on: boolean): void => {
    setSelected(new Set(on ? [...selected, ...ids] : [...selected].filter(id => !ids.includes(id))))
  }

  return html`<section class="card list" aria-labelledby="list-title" aria-busy=${page.loading || counted.loading}>
    <header class="card-head"><h2 id="list-title">${say('list.title')}</h2><span class="hint" role="status">${counted.data !== null && say('list.count', { count: counted.data.count })}</span>
      <div class="tools">
        ${newer > 0 && html`<button class="button" type="button" onClick=${reload}>${say('list.newer', { count: newer })}</button>`}
        ${chosen.length > 0 && html`<button class="button bad" type="button" onClick=${() => { requestRevocation({ kind: 'some', sessions: chosen }) }}>${say('list.revokeSelected', { count: chosen.length })}</button>`}
        ${!ended && filters.at === undefined && chosen.length === 0 && html`<button class="button bad" type="button" disabled=${counted.data?.count === 0} onClick=${() => { requestRevocation({ kind: 'matching', filters }) }}>${say('list.revokeAll')}</button>`}
      </div>
    </header>
    <${FilterBar} ...${{ filters, words, onFilters: (filters: Filters, replace?: boolean) => { go({ filters }, replace) } }} />
    ${filters.at !== undefined && html`<p class="notice">${say('list.then', { moment: words.moment(toTimestamp(filters.at)) })}</p>`}
    ${page.error !== null && html`<p class="notice bad" role="alert">${page.error.status === 400 ? page.error.message : say('list.failed')} <button class="button" type="button" onClick=${reload}>${say('retry')}</button></p>`}
    ${page.data === null && page.error === null && html`<div class="rows-loading" role="status" aria-label=${say('loading')}>${[0, 1, 2, 3, 4, 5].map(() => html`<p class="skeleton">ada@example.com Firefox on Linux</p>`)}</div>`}
    ${page.data !== null && items.length === 0 && page.error === null && html`<div class="nothing"><p><b>${say(filtered ? 'list.empty' : 'list.none')}</b></p><p class="hint">${say(filtered ? 'list.emptyText' : 'list.noneText')}</p></div>`}
    ${items.length > 0 && html`<table class=${`sessions ${ended ? 'past' : 'present'} ${page.loading ? 'stale' : ''}`} role="table" aria-labelledby="list-title">
      <thead role="rowgroup"><tr role="row">
        ${!ended && html`<th role="columnheader" class="check"><input type="checkbox" aria-label=${say('list.selectAll')} checked=${selectable.length > 0 && chosen.length === selectable.length} onChange=${(event: Event) => { select(selectable.map(session => session.id), (event.target as HTMLInputElement).checked) }} /></th>`}
        <th role="columnheader">${say('list.user')}</th><th role="columnheader">${say('list.device')}</th><th role="columnheader">${say('list.ip')}</th>
        <th role="columnheader" class="age" aria-sort=${(order === 'newest') === ended ? 'descending' : 'ascending'}><button class="sort" type="button" title=${say(order === 'newest' ? 'list.oldest' : 'list.newest')} onClick=${() => { go({ order: order === 'newest' ? 'oldest' : 'newest' }) }}>${say(ended ? 'list.endedAt' : 'list.age')} <span aria-hidden="true">${(order === 'newest') === ended ? '↓' : '↑'}</span></button></th>
        <th role="columnheader" class="seen">${say('list.seen')}</th><th role="columnheader" class="requests number">${say('list.requests')}</th><th role="columnheader" class="left">${say(ended ? 'list.reason' : 'list.left')}</th>
        ${!ended && html`<th role="columnheader"><span class="unseen">${say('list.revoke')}</span></th>`}
      </tr></thead>
      <tbody role="rowgroup">${items.map(session => html`<${SessionRow} key=${session.id} ...${{ session, words, ended, selected: selected.has(session.id), onSelect: (on: boolean) => { select([session.id], on) }, onOpen: () => { go({ session: session.id, user: null }) }, onRevoke: () => { requestRevocation({ kind: 'some', sessions: [session] }) } }} />`)}</tbody>
    </table>`}
    ${page.data !== null && (cursors.length > 0 || page.data.cursor !== null) && html`<nav class="pages" aria-label=${say('list.title')}>
      <button class="button" type="button" disabled=${cursors.length === 0} onClick=${() => { setCursors(cursors.slice(0, -1)) }}><${Icon} name="back" size=${14} />${say('list.previous')}</button>
      <span class="hint" aria-live="polite">${say('list.page', { page: cursors.length + 1 })}</span>
      <button class="button" type="button" disabled=${page.data.cursor === null} onClick=${() => { setCursors([...cursors, page.data?.cursor ?? '']) }}>${say('list.next')}<${Icon} name="next" size=${14} /></button>
    </nav>`}
  </section>`
}
