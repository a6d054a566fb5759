import { useRef, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { html } from '../shared/html.ts'
import { Icon } from '../shared/icons.ts'
import { ThemeToggle, useScheme, useTheme } from '../shared/theme.ts'
import { Timeout, useOwnSession } from '../shared/timeout.ts'
import type { Words } from '../shared/words.ts'
import { Charts } from './charts.ts'
import { SessionDetails, UserSessions } from './drawer.ts'
import { Feed, useFeed } from './feed.ts'
import { SessionList } from './list.ts'
import { toQuery, usePlace } from './place.ts'
import type { FilterName } from './place.ts'
import { useResource } from './resource.ts'
import { Revoke } from './revoke.ts'
import type { RevocationRequest } from './revoke.ts'
import { Tiles } from './tiles.ts'
import { Tops } from './tops.ts'
import { ranges } from './types.ts'
import type { EventView, Statistics } from './types.ts'

export interface AppProps {
  /** Path of the admin routes. */
  readonly api: string
  /** Path of the user routes, if the admin has a session of this package. */
  readonly own: string | null
  readonly login: string | null
  readonly words: Words
}

const numbersEvery = 20_000
/** Statistics are requested again after events, but not after each of them. */
const numbersPause = 2500

/** The console. */
export function App ({ api, own: ownApi, login, words }: AppProps): VNode {
  const { say } = words
  const [place, go] = usePlace()
  const [request, setRequest] = useState<RevocationRequest | null>(null)
  const [said, setSaid] = useState('')
  const [reloads, setReloads] = useState(0)
  const [news, setNews] = useState<readonly EventView[]>([])
  const theme = useTheme()
  const scheme = useScheme(theme[0])
  const numbers = useResource<Statistics>(`${api}/statistics?range=${place.range}`, { every: numbersEvery })
  const { own, extend } = useOwnSession(ownApi, () => {})
  const due = useRef(0)
  const fed = useFeed(api, event => {
    if (event.type === 'created' || event.type === 'ended') setNews(news => [...news.slice(-500), event])
    if (due.current === 0) due.current = window.setTimeout(() => { due.current = 0; numbers.reload() }, numbersPause)
  })
  const refused = fed.refused || numbers.error?.status === 401 || numbers.error?.status === 403
  const shared = { api, words, go, requestRevocation: setRequest, reloads }

  const revoked = (ended: number | null): void => {
    setRequest(null)
    if (ended === null) return
    setSaid(say('revoke.done', { count: ended }))
    setReloads(reloads => reloads + 1)
    numbers.reload()
  }
  const filter = (name: FilterName, value: string): void => {
    go({ filters: { [name]: value } })
    document.getElementById('list-title')?.scrollIntoView({ block: 'start' })
  }

  return html` <header class="top-bar">
      <h1>${say('title')}</h1>
      <span class=${`pill ${fed.live ? 'on' : ''}`} role="status">${say(fed.live ? 'live.yes' : 'live.no')}</span>
      ${numbers.data !== null && html`<span class="pill store">${numbers.data.store.p99 === null ? say('store', { name: numbers.data.store.name }) : say('storeP99', { name: numbers.data.store.name, p99: words.number(Math.round(numbers.data.store.p99 * 10) / 10) })}</span>`}
      <div class="right">
        <div class="segments" role="group" aria-label=${say('range')}>
          ${ranges.map(
            range =>
              html`<button
                key=${range}
                type="button"
                aria-pressed=${place.range === range}
                aria-label=${`${range}: ${say(`range.${range}`)}`}
                onClick=${() => {
                  go({ range })
                }}
              >
                ${range}
              </button>`
          )}
        </div>
        <${ThemeToggle} ...${{ words, value: theme }} />
        <a
          class="button export"
          href=${`${api}/export?${new URLSearchParams({ ...toQuery(place.filters), format: 'json' }).toString()}`}
          download
          ><${Icon} name="download" size=${15} />${say('export')}</a
        >
      </div>
    </header>
    <main>
      <p class=${said === '' ? 'unseen' : 'notice said'} role="status">
        ${said}${
          said !== '' &&
          html` <button
            class="button plain"
            type="button"
            onClick=${() => {
              setSaid('')
            }}
          >
            ${say('close')}
          </button>`
        }
      </p>
      ${
        refused &&
        html`<p class="notice bad" role="alert">
          ${say('refused')}
          ${
            login === null
              ? html`<button
                  class="button"
                  type="button"
                  onClick=${() => {
                    location.reload()
                  }}
                >
                  ${say('reload')}
                </button>`
              : html`<a class="button strong" href=${login}>${say('ended.login')}</a>`
          }
        </p>`
      }
      ${!refused && numbers.error !== null && html`<p class="notice warn" role="alert">${say('unreachable', { time: numbers.at === 0 ? '–' : words.time(numbers.at) })} <button class="button" type="button" onClick=${numbers.reload}>${say('retry')}</button></p>`}
      <${Tiles} ...${{ statistics: numbers.data, words }} />
      <div class="middle">
        <${Charts} ...${{ statistics: numbers.data, words, theme: scheme }} /><${Feed}
          ...${{
            fed,
            words,
            onSession: (id: string) => {
              go({ session: id, user: null })
            }
          }}
        />
      </div>
      <${Tops} ...${{ statistics: numbers.data, words, onFilter: filter }} />
      <${SessionList} ...${{ ...shared, place, news }} />
    </main>
    ${place.session !== null && html`<${SessionDetails} key=${place.session} ...${{ ...shared, id: place.session }} />`}
    ${place.session === null && place.user !== null && html`<${UserSessions} key=${place.user} ...${{ ...shared, userId: place.user }} />`}
    ${request !== null && html`<${Revoke} ...${{ api, request, words, onDone: revoked }} />`}
    ${ownApi !== null && html`<${Timeout} ...${{ api: ownApi, login, words, own, extend }} />`}`
}
