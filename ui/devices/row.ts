import type { VNode } from 'preact'
import type { Device } from '../../lib/model/device.ts'
import { html } from '../shared/html.ts'
import { Icon, deviceIcon } from '../shared/icons.ts'
import type { Words } from '../shared/words.ts'

/** A live session, as the user routes return it. */
export interface OwnSession {
  readonly id: string
  readonly current: boolean
  readonly device: Device
  readonly deviceLabel: string
  readonly deviceName: string | null
  readonly ip: string | null
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly remembered: boolean
  readonly requestCount: number
}

const justNow = 2 * 60_000
/** A sign-in is new for a day. */
const fresh = 24 * 3_600_000

export interface RowProps {
  readonly device: OwnSession
  readonly words: Words
  readonly now: number
  readonly onSignOut: () => void
  readonly onRename: () => void
}

/** One device. */
export function Row ({ device, words, now, onSignOut, onRename }: RowProps): VNode {
  const { say } = words
  const { current, deviceLabel, deviceName, ip, remembered } = device
  const title = deviceName ?? deviceLabel
  const seenAt = Date.parse(device.lastSeenAt)
  const createdAt = Date.parse(device.createdAt)
  const active = current || now - seenAt < justNow ? say('activeNow') : say('lastActive', { ago: words.ago(seenAt, now) })
  return html`<li class="row" part="row">
    <span class="picture" part="icon"><${Icon} name=${deviceIcon(device.device.type)} size=${22} /></span>
    <div class="what">
      <p class="name">
        <span part="name">${title}</span>
        ${current && html`<span class="badge good" part="badge">${say('thisDevice')}</span>`}
        ${!current && now - createdAt < fresh && html`<span class="badge" part="badge">${say('isNew')}</span>`}
      </p>
      <p class="facts">${[deviceName === null ? null : deviceLabel, ip].filter(Boolean).join(' · ')}</p>
      <p class="facts">
        ${active} ·
        <span class="part">${say('signedIn', { date: words.date(createdAt) })}</span
        >${remembered && html` · <span class="part">${say('stays')}</span>`}
      </p>
    </div>
    <div class="buttons">
      <button
        class="button plain icon"
        part="button"
        type="button"
        title=${say('rename')}
        aria-label=${say('renameOf', { device: title })}
        onClick=${onRename}
      >
        <${Icon} name="pencil" size=${16} />
      </button>
      <button
        class=${current ? 'button' : 'button bad'}
        part="button"
        type="button"
        aria-label=${say('signOutOf', { device: title })}
        onClick=${onSignOut}
      >
        ${say('signOut')}
      </button>
    </div>
  </li>`
}
