import type { ComponentChildren, VNode } from 'preact'
import { Dialog } from '../shared/dialog.ts'
import { html } from '../shared/html.ts'
import { Icon, deviceIcon } from '../shared/icons.ts'
import type { Words } from '../shared/words.ts'
import { eventLabel, detailText, describeEvent, toneOf } from './feed.ts'
import type { Place } from './place.ts'
import { useResource } from './resource.ts'
import type { RevocationRequest } from './revoke.ts'
import type { Detail, Session } from './types.ts'

export interface DrawerProps {
  readonly api: string
  readonly words: Words
  readonly go: (change: Partial<Place>, replace?: boolean) => void
  readonly requestRevocation: (request: RevocationRequest) => void
  /** A change of this value requests the session again. */
  readonly reloads: number
}

/** One session with its timeline. */
export function SessionDetails ({ api, id, words, go, requestRevocation, reloads }: DrawerProps & { readonly id: string }): VNode {
  const { say } = words
  const { data, error } = useResource<Detail>(`${api}/${encodeURIComponent(id)}`, { again: reloads })
  const session = data?.session
  const user = session?.userId ?? null
  return html`<${Frame} ...${{
    words,
    onClose: () => {
      go({ session: null })
    },
    title: session === undefined ? say('title') : user === null ? say('detail.guest') : say('detail.title', { user }),
    badge: session && html`<${State} ...${{ session, words }} />`
  }}>
    ${error !== null && html`<p class="notice warn" role="alert">${error.status === 404 ? say('detail.gone') : say('list.failed')}</p>`}
    ${data === null && error === null && html`<p class="skeleton block" aria-label=${say('loading')}></p>`}
    ${
      data !== null &&
      html` ${data.session.reason !== null && html`<p class=${`notice ${data.session.reason === 'token-reuse' ? 'bad' : ''}`}>${say(`why.${data.session.reason}`)}</p>`}
        <div class="drawer-actions">
          ${
            data.session.state === 'live' &&
            html`<button
              class="button bad"
              type="button"
              onClick=${() => {
                requestRevocation({ kind: 'some', sessions: [data.session] })
              }}
            >
              ${say('list.revoke')}
            </button>`
          }
          ${
            user !== null &&
            html`<button
              class="button"
              type="button"
              onClick=${() => {
                go({ session: null, user })
              }}
            >
              ${say('detail.allOf', { user })}
            </button>`
          }
        </div>
        <h3>${say('detail.timeline')}</h3>
        <ol class="timeline" role="list">
          ${data.timeline.map(
            (entry, i) =>
              html`<li key=${i} class=${toneOf(entry)}>
                <time datetime=${entry.at}>${words.moment(Date.parse(entry.at))}</time>
                <p><b>${eventLabel(entry, words)}</b> <span class="soft">${describeEntry(entry, words)}</span></p>
              </li>`
          )}
        </ol>
        <h3>${say('detail.facts')}</h3>
        <${Facts} ...${{ detail: data, words }} />`
    }
  </${Frame}>`
}

/** All sessions of a user, live and ended. */
export function UserSessions ({ api, userId, words, go, requestRevocation, reloads }: DrawerProps & { readonly userId: string }): VNode {
  const { say } = words
  const { data, error } = useResource<{ live: readonly Session[]; ended: readonly Session[] }>(
    `${api}/users/${encodeURIComponent(userId)}`,
    { again: reloads }
  )
  const list = (sessions: readonly Session[]): VNode =>
    sessions.length === 0
      ? html`<p class="hint">${say('user.none')}</p>`
      : html`<ul class="mini" role="list">
          ${sessions.map(
            session =>
              html`<li key=${session.id}>
                <span class="picture"><${Icon} name=${deviceIcon(session.device.type)} size=${18} /></span>
                <span class="mini-text"
                  ><button
                    class="link"
                    type="button"
                    onClick=${() => {
                      go({ user: null, session: session.id })
                    }}
                  >
                    ${session.deviceName ?? session.deviceLabel}
                  </button>
                  <span class="soft"
                    >${[session.ip, session.state === 'live' ? words.ago(Date.parse(session.lastSeenAt), Date.now()) : words.ago(Date.parse(session.endedAt ?? ''), Date.now())].filter(Boolean).join(' · ')}</span
                  ></span
                >
                <${State} ...${{ session, words }} />
              </li>`
          )}
        </ul>`
  return html`<${Frame} ...${{
    words,
    onClose: () => {
      go({ user: null })
    },
    title: say('user.title', { user: userId })
  }}>
    ${error !== null && html`<p class="notice bad" role="alert">${say('list.failed')}</p>`}
    ${data === null && error === null && html`<p class="skeleton block" aria-label=${say('loading')}></p>`}
    ${
      data !== null &&
      html` <div class="drawer-actions">
          <button
            class="button bad"
            type="button"
            disabled=${data.live.length === 0}
            onClick=${() => {
              requestRevocation({ kind: 'user', userId, count: data.live.length })
            }}
          >
            ${say('user.revoke')}
          </button>
        </div>
        <h3>${say('user.live')} <span class="soft">${words.number(data.live.length)}</span></h3>
        ${list(data.live)}
        <h3>${say('user.ended')} <span class="soft">${words.number(data.ended.length)}</span></h3>
        ${list(data.ended)}`
    }
  </${Frame}>`
}

function Frame ({
  words,
  title,
  badge,
  onClose,
  children
}: {
  readonly words: Words
  readonly title: string
  readonly badge?: VNode | undefined
  readonly onClose: () => void
  readonly children?: ComponentChildren
}): VNode {
  return html`<${Dialog} className="drawer" labelledby="drawer-title" onClose=${onClose}>
    <header class="drawer-head"><h2 id="drawer-title">${title}</h2>${badge}<button class="button plain icon" type="button" aria-label=${words.say('close')} onClick=${onClose}><${Icon} name="close" /></button></header>
    <div class="drawer-body">${children}</div>
  </${Dialog}>`
}

function State ({ session: { state, reason }, words: { say } }: { readonly session: Session, readonly words: Words }): VNode {
  return html`<span
    class=${`badge ${state === 'live' ? 'good' : reason === 'token-reuse' ? 'bad' : reason === 'revoked' || reason === 'evicted' ? 'warn' : 'quiet'}`}
    >${reason === null ? say(`detail.${state}`) : say(`reason.${reason}`)}</span
  >`
}

function describeEntry (entry: Detail['timeline'][number], words: Words): string {
  const { details, type } = entry
  if (type === 'ended') return details['by'] == null ? '' : `${words.say('detail.by')}: ${detailText(details['by'])}`
  if (type === 'created' || type === 'seen') {
    const last =
      type === 'seen' && typeof details['requestCount'] === 'number'
        ? words.say('chart.requestsCount', { count: details['requestCount'] })
        : detailText(details['methods'] ?? '')
    return [detailText(details['deviceLabel'] ?? ''), detailText(details['ip'] ?? ''), last].filter(Boolean).join(' · ')
  }
  return describeEvent(entry, words)
}

function Facts ({ detail, words }: { readonly detail: Detail, readonly words: Words }): VNode {
  const { say } = words
  const { session, userAgent, firstIp, firstUserAgent, generation } = detail
  const when = (timestamp: string | null): string | null => timestamp === null ? null : words.moment(Date.parse(timestamp))
  const first = (value: string | null, last: string | null): string | null => value !== null && value === last ? say('detail.same') : value
  const facts: readonly (readonly [string, string | null])[] = [
    ['id', session.id],
    ['device', session.deviceLabel],
    ['deviceName', session.deviceName],
    ['ip', session.ip],
    ['firstIp', first(firstIp, session.ip)],
    ['created', when(session.createdAt)],
    ['seen', when(session.lastSeenAt)],
    ['endedAt', when(session.endedAt)],
    ['by', session.by],
    ['expires', when(session.expiresAt)],
    ['absolute', when(session.absoluteExpiresAt)],
    ['requests', words.number(session.requestCount)],
    ['remembered', say(`filter.${session.remembered}`)],
    ['methods', session.methods.join(', ')],
    ['rotations', generation === null ? null : words.number(generation)],
    ['userAgent', userAgent],
    ['firstUserAgent', first(firstUserAgent, userAgent)]
  ]
  return html`<dl class="facts">
    ${facts.flatMap(([name, value]) =>
      value === null || value === ''
        ? []
        : [
            html`<div key=${name} class=${name === 'userAgent' || name === 'firstUserAgent' || name === 'id' ? 'wide' : ''}>
              <dt>${say(`detail.${name}`)}</dt>
              <dd>${value}</dd>
            </div>`
          ]
    )}
  </dl>`
}
