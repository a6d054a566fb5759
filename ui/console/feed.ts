import { useEffect, useRef, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { ApiError, call } from '../shared/api.ts'
import { html } from '../shared/html.ts'
import { openStream } from '../shared/stream.ts'
import type { Words } from '../shared/words.ts'
import type { EventDetail, EventView } from './types.ts'

export interface FedEvent extends EventView { readonly key: string }

const kept = 300

export interface Fed {
  /** Newest first. The next cleanup reports an expiry late, and it is inserted at its own time. */
  readonly events: readonly FedEvent[]
  readonly live: boolean
  /** The server rejected the stream. */
  readonly refused: boolean
}

/** Subscribes to events. Calls `onEvent` once with each event, also with earlier ones. */
export function useFeed (api: string, onEvent: (event: EventView) => void): Fed {
  const [fed, setFed] = useState<Fed>({ events: [], live: false, refused: false })
  const told = useRef(onEvent)
  told.current = onEvent
  useEffect(() => {
    const seen = new Map<string, FedEvent>()
    let due = 0
    const show = (): void => {
      due = 0
      setFed(fed => ({ ...fed, events: [...seen.values()].reverse().sort((a, b) => Date.parse(b.at) - Date.parse(a.at)) }))
    }
    return openStream(`${api}/events`, {
      types: [],
      onLive: live => { setFed(fed => ({ ...fed, live, refused: false })) },
      onRefused: async () => {
        const refused = await call(`${api}/count?userId=-`).then(
          () => false,
          (error: unknown) => error instanceof ApiError && (error.status === 401 || error.status === 403)
        )
        setFed(fed => ({ ...fed, live: false, refused }))
        return !refused
      },
      onMessage: ({ id, data }) => {
        if (seen.has(id)) return
        const event = { ...data as EventView, key: id }
        seen.set(id, event)
        if (seen.size > kept) seen.delete(seen.keys().next().value as string)
        told.current(event)
        // many events may arrive at once: they are shown together
        if (due === 0) due = window.setTimeout(show, 50)
      }
    })
  }, [api])
  return fed
}

/** The list of live events. */
export function Feed ({
  fed,
  words,
  onSession
}: {
  readonly fed: Fed
  readonly words: Words
  readonly onSession: (id: string) => void
}): VNode {
  const [all, setAll] = useState(true)
  const { say } = words
  const shown = fed.events.filter(event => (all ? event.level !== 'debug' : event.security)).slice(0, 80)
  return html`<section class="card feed" aria-labelledby="feed-title">
    <header class="card-head">
      <h2 id="feed-title">${say('feed')}</h2>
      <div class="segments small" role="group" aria-labelledby="feed-title">
        ${[true, false].map(
          value =>
            html`<button
              type="button"
              aria-pressed=${all === value}
              onClick=${() => {
                setAll(value)
              }}
            >
              ${say(value ? 'feed.all' : 'feed.security')}
            </button>`
        )}
      </div>
    </header>
    ${
      shown.length === 0
        ? html`<p class="hint empty">${say('feed.empty')}</p>`
        : html`<div class="events" role="log" aria-labelledby="feed-title" tabindex="0">
            <ol role="list">
              ${shown.map(
                event =>
                  html`<li key=${event.key}>
                    <time datetime=${event.at} title=${words.moment(Date.parse(event.at))}>${words.time(Date.parse(event.at))}</time>
                    <span class="event-text"
                      >${
                        event.id === null
                          ? html`<b>${event.userId ?? say('feed.unknown')}</b>`
                          : html`<button
                              class="link"
                              type="button"
                              onClick=${() => {
                                onSession(event.id as string)
                              }}
                            >
                              ${event.userId ?? say('feed.guest')}
                            </button>`
                      }${describeEvent(event, words) !== '' && html`<span class="soft"> · ${describeEvent(event, words)}</span>`}</span
                    >
                    <span class=${`badge ${toneOf(event)}`}>${eventLabel(event, words)}</span>
                  </li>`
              )}
            </ol>
          </div>`
    }
  </section>`
}

/** Returns the label of an event. */
export function eventLabel (
  { type, details, text = '' }: Pick<EventView, 'type' | 'details'> & { readonly text?: string },
  { say, has }: Words
): string {
  return has(`event.${type}`) ? say(`event.${type}`, { reason: say(`reason.${detailText(details['reason'])}`) }) : text
}

/** Returns the details of an event as text. */
export function describeEvent ({ type, details }: Pick<EventView, 'type' | 'details'>, { say, has }: Words): string {
  const key =
    type === 'created' && details['remembered'] === true
      ? 'text.createdRemembered'
      : type === 'ended' && details['by'] != null
        ? 'text.endedBy'
        : type === 'admin-action' && has(`text.admin-action.${detailText(details['action'])}`)
          ? `text.admin-action.${detailText(details['action'])}`
          : `text.${type}`
  if (!has(key)) return ''
  const values = Object.fromEntries(
    Object.entries(details).map(([name, value]) => [name, typeof value === 'number' ? value : detailText(value)])
  )
  return say(key, { ...values, ...type === 'ended-session-used' ? { reason: say(`reason.${detailText(details['reason'])}`) } : {} })
}

/** Returns a detail as text. */
export function detailText (value: EventDetail | undefined): string {
  if (value === null || value === undefined) return '–'
  return typeof value === 'object' ? Object.values(value).filter(Boolean).join(', ') : String(value)
}

export function toneOf ({ type, details, level = '' }: Pick<EventView, 'type' | 'details'> & { readonly level?: string }): string {
  if (type === 'ended') {
    return details['reason'] === 'token-reuse'
      ? 'bad'
      : details['reason'] === 'revoked' || details['reason'] === 'evicted'
        ? 'warn'
        : 'quiet'
  }
  if (type === 'created' || type === 'store-recovered' || type === 'reauthenticated') return 'good'
  return level === 'error' || type === 'token-reused'
    ? 'bad'
    : level === 'warn' || type === 'ip-changed' || type === 'user-agent-changed'
      ? 'warn'
      : 'quiet'
}
