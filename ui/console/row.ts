import type { VNode } from 'preact'
import { html } from '../shared/html.ts'
import type { Words } from '../shared/words.ts'
import type { Session } from './types.ts'

export interface RowProps {
  readonly session: Session
  readonly words: Words
  /** Whether it is in a list of ended sessions. */
  readonly ended: boolean
  readonly selected: boolean
  readonly onSelect: (on: boolean) => void
  readonly onOpen: () => void
  readonly onRevoke: () => void
}

const justNow = 60_000

/** One session of the list. */
export function SessionRow ({ session, words, ended, selected, onSelect, onOpen, onRevoke }: RowProps): VNode {
  const { say } = words
  const { id, userId, deviceLabel, ip, requestCount, remembered, current, state, reason } = session
  const now = Date.now()
  const createdAt = Date.parse(session.createdAt)
  const seenAt = Date.parse(session.lastSeenAt)
  const user = userId ?? say('list.guest')
  const over = state === 'ended'
  return html`<tr role="row" class=${over && !ended ? 'over' : ''}>
    ${
      !ended &&
      html`<td role="cell" class="check">
        <input
          type="checkbox"
          aria-label=${say('list.select', { user })}
          disabled=${over}
          checked=${selected && !over}
          onChange=${(event: Event) => {
            onSelect((event.target as HTMLInputElement).checked)
          }}
        />
      </td>`
    }
    <th role="rowheader" scope="row" class="user">
      <button class="link" type="button" aria-label=${say('list.open', { user })} onClick=${onOpen}>${breakable(user)}</button
      ><span class="id">${id.slice(0, 12)}</span>
    </th>
    <td role="cell" class="device">
      <span>${deviceLabel}</span
      >${remembered && html` <span class="badge">${say('list.remembered')}</span>`}${current && html` <span class="badge good">${say('list.current')}</span>`}
    </td>
    <td role="cell" class="ip">${ip ?? '–'}</td>
    <td role="cell" class="age">
      <time
        datetime=${ended ? (session.endedAt ?? '') : session.createdAt}
        title=${words.moment(ended ? Date.parse(session.endedAt ?? '') : createdAt)}
        >${ended ? words.ago(Date.parse(session.endedAt ?? ''), now) : now - createdAt < justNow ? say('list.now') : words.span(now - createdAt)}</time
      >
    </td>
    <td role="cell" class="seen">
      <time datetime=${session.lastSeenAt} title=${words.moment(seenAt)}
        >${now - seenAt < justNow ? say('list.now') : words.span(now - seenAt)}</time
      >
    </td>
    <td role="cell" class="requests number">${words.number(requestCount)}</td>
    <td role="cell" class="left">
      ${reason === null ? html`<${Left} ...${{ session, words, now }} />` : html`<span class=${`badge ${reason === 'token-reuse' ? 'bad' : reason === 'revoked' || reason === 'evicted' ? 'warn' : 'quiet'}`} title=${say(`why.${reason}`)}>${say(`reason.${reason}`)}</span>`}
    </td>
    ${!ended && html`<td role="cell" class="act">${!over && html`<button class="button bad" type="button" aria-label=${say('list.revokeOf', { user })} onClick=${onRevoke}>${say('list.revoke')}</button>`}</td>`}
  </tr>`
}

/** Returns a user id that can break before the host of a mail address. */
function breakable (user: string): VNode {
  const at = user.lastIndexOf('@')
  return at < 1 ? html`<span>${user}</span>` : html`<span>${user.slice(0, at)}<wbr />${user.slice(at)}</span>`
}

/** The share of its idle timeout that a session has left. */
function Left ({ session, words, now }: { readonly session: Session, readonly words: Words, readonly now: number }): VNode | null {
  const { idleTimeout, expiresAt } = session
  if (idleTimeout === null || expiresAt === null) return null
  const left = Math.max(0, Date.parse(expiresAt) - now)
  const share = Math.min(100, left / idleTimeout * 100)
  const label = words.say('list.leftOf', { left: words.span(left) })
  return html`<span class=${`bar meter ${share < 15 ? 'low' : ''}`} role="img" aria-label=${label} title=${label}
    ><span class="fill" style=${{ width: `${share}%` }}></span
  ></span>`
}
