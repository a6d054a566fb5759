import { useState } from 'preact/hooks'
import type { VNode } from 'preact'
import type { Device } from '../../lib/model/device.ts'
import { html } from '../shared/html.ts'
import { Icon, deviceIcon } from '../shared/icons.ts'
import type { Words } from '../shared/words.ts'

/** An ended session, as the user routes return it. */
export interface OwnEndedSession {
  readonly id: string
  readonly device: Device
  readonly deviceLabel: string
  readonly deviceName: string | null
  readonly ip: string | null
  readonly endedAt: string
  readonly reason: string
}

const few = 4

/** The recently ended sessions, with reasons. */
export function Past ({
  ended,
  words,
  now,
  heading
}: {
  readonly ended: readonly OwnEndedSession[]
  readonly words: Words
  readonly now: number
  readonly heading: 'h2' | 'h3'
}): VNode {
  const [all, setAll] = useState(false)
  const { say } = words
  return html`<section class="past" part="past" aria-labelledby="past-title">
    <${heading} id="past-title">${say('past')}<//>
    <ul class="list" role="list">
      ${(all ? ended : ended.slice(0, few)).map(
        ({ id, device, deviceLabel, deviceName, ip, endedAt, reason }) =>
          html`<li class="row" key=${id}>
            <span class="picture quiet"><${Icon} name=${deviceIcon(device.type)} size=${20} /></span>
            <div class="what">
              <p class="name">${deviceName ?? deviceLabel}</p>
              <p class="facts">
                ${ip !== null && html`<span class="part">${ip}</span> · `}${say('past.when', { ago: words.ago(Date.parse(endedAt), now), reason: say(`past.${reason}`) })}
              </p>
            </div>
          </li>`
      )}
    </ul>
    ${
      !all &&
      ended.length > few &&
      html`<button
        class="button plain"
        type="button"
        onClick=${() => {
          setAll(true)
        }}
      >
        ${say('more')}
      </button>`
    }
  </section>`
}
