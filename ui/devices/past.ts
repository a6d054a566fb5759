import { useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { html } from '../shared/html.ts'
import { Icon, deviceIcon } from '../shared/icons.ts'
import type { Words } from '../shared/words.ts'

/** An ended session, as the user routes answer it. */
export interface PastDevice {
  readonly id: string
  readonly device: string
  readonly type: string
  readonly name: string | null
  readonly ip: string | null
  readonly endedAt: string
  readonly reason: string
}

const few = 4

/** What ended a while ago, and why. */
export function Past ({ ended, words, now, heading }: { readonly ended: readonly PastDevice[], readonly words: Words, readonly now: number, readonly heading: 'h2' | 'h3' }): VNode {
  const [all, setAll] = useState(false)
  const { say } = words
  return html`<section class="past" part="past" aria-labelledby="past-title">
    <${heading} id="past-title">${say('past')}<//>
    <ul class="list" role="list">${(all ? ended : ended.slice(0, few)).map(({ id, device, name, type, ip, endedAt, reason }) => html`<li class="row" key=${id}>
      <span class="picture quiet"><${Icon} name=${deviceIcon(type)} size=${20} /></span>
      <div class="what"><p class="name">${name ?? device}</p><p class="facts">${ip !== null && html`<span class="part">${ip}</span> · `}${say('past.when', { ago: words.ago(Date.parse(endedAt), now), reason: say(`past.${reason}`) })}</p></div>
    </li>`)}</ul>
    ${!all && ended.length > few && html`<button class="button plain" type="button" onClick=${() => { setAll(true) }}>${say('more')}</button>`}
  </section>`
}
