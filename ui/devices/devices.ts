import { useEffect, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { ApiError, call } from '../shared/api.ts'
import { html } from '../shared/html.ts'
import { ThemeToggle, useTheme } from '../shared/theme.ts'
import { Timeout, useOwnSession } from '../shared/timeout.ts'
import type { Words } from '../shared/words.ts'
import { Confirm, Reauthenticate, Rename } from './dialogs.ts'
import { Past } from './past.ts'
import type { OwnEndedSession } from './past.ts'
import { Row } from './row.ts'
import type { OwnSession } from './row.ts'

export interface DevicesProps {
  readonly api: string
  readonly login: string | null
  readonly words: Words
  /** Whether recently ended sessions are shown. */
  readonly past: boolean
  /** Whether the element warns before the session expires. */
  readonly timeout: boolean
  /** Whether the element is the whole page: it then has the heading, and the user can choose the theme. */
  readonly page: boolean
  /** Notifies the page; returns whether the page has handled it. */
  readonly emit: (type: 'reauth' | 'ended', detail: unknown) => boolean
}

/** The open dialog. */
type OpenDialog = { readonly kind: 'one' | 'rename', readonly device: OwnSession } | { readonly kind: 'others' | 'reauth' }

interface Lists { readonly sessions: readonly OwnSession[], readonly cursor: string | null, readonly ended: readonly OwnEndedSession[] }

/** How many sessions a page has: the first as many as were shown before. */
const pageSize = 100
const maxPageSize = 200

/** The user's devices, and the actions on them. */
export function Devices ({ api, login, words, past, timeout, page, emit }: DevicesProps): VNode {
  const { say } = words
  const [lists, setLists] = useState<Lists | null>(null)
  const [failure, setFailure] = useState<'offline' | 'ended' | null>(null)
  const [dialog, setDialog] = useState<OpenDialog | null>(null)
  const [said, setSaid] = useState('')
  const now = useMinutes()
  const { own, extend } = useOwnSession(api, load)

  function load (): void {
    const limit = Math.min(Math.max(lists?.sessions.length ?? 0, pageSize), maxPageSize)
    call<Lists>(`${api}?ended=true&limit=${limit}`).then(found => { setLists(found); setFailure(null) }, (error: unknown) => {
      setFailure(error instanceof ApiError && error.status === 401 ? 'ended' : 'offline')
    })
  }
  useEffect(load, [api])

  function loadMore (): void {
    if (lists === null || lists.cursor === null) return
    call<Lists>(`${api}?limit=${pageSize}&cursor=${encodeURIComponent(lists.cursor)}`).then(({ sessions, cursor }) => {
      const shown = new Set(lists.sessions.map(({ id }) => id))
      setLists({ ...lists, cursor, sessions: [...lists.sessions, ...sessions.filter(({ id }) => !shown.has(id))] })
    }, () => { setFailure('offline') })
  }
  useEffect(() => {
    if (own?.state === 'ended') { setFailure('ended'); emit('ended', { reason: own.reason }) }
    if (own?.state === 'live' && failure === 'ended') load()
  }, [own?.state])

  /** Runs an action, shows its result, and reloads the devices. */
  async function act (action: () => Promise<string>): Promise<void> {
    setDialog(null)
    try {
      setSaid(await action())
    } catch (error) {
      const code = error instanceof ApiError ? error.code : ''
      if (code === 'FST_SESSION_NOT_FRESH') {
        if (!emit('reauth', null)) setDialog({ kind: 'reauth' })
        return
      }
      setSaid(say('failed'))
    }
    load()
  }

  const revoke = (device: OwnSession): Promise<void> => act(async () => {
    const { revoked } = await call<{ revoked: number }>(`${api}/revoke`, { method: 'POST', body: { id: device.id } })
      .catch((error: unknown) => { if (error instanceof ApiError && error.status === 404) return { revoked: 0 }; throw error })
    return say(revoked === 0 ? 'done.gone' : 'done.one', { device: nameOf(device) })
  })
  const revokeOthers = (): Promise<void> =>
    act(async () =>
      say('done.others', {
        count: (await call<{ revoked: number }>(`${api}/revoke`, { method: 'POST', body: { scope: 'others' } })).revoked
      })
    )
  const rename = (device: OwnSession, name: string): Promise<void> => act(async () => {
    await call(`${api}/${device.id}`, { method: 'PATCH', body: { deviceName: name === '' ? null : name } })
    return say('done.renamed', { device: name === '' ? device.deviceLabel : name })
  })

  const others = (lists?.sessions ?? []).filter(device => !device.current).length
  return html`<section class="devices" part="devices" aria-labelledby="title" aria-busy=${lists === null && failure === null}>
    <header part="header">
      <div class="head">
        <${page ? 'h1' : 'h2'} id="title" part="title">${say('title')}<//>${page && html`<${Toggle} ...${{ words }} />`}
      </div>
      <p class="intro" part="intro">${say('intro')}</p>
      ${
        others > 0 &&
        failure !== 'ended' &&
        html`<button
          class="button bad"
          part="button others"
          type="button"
          onClick=${() => {
            setDialog({ kind: 'others' })
          }}
        >
          ${say('signOutOthers')}
        </button>`
      }
    </header>
    <p class=${said === '' ? 'unseen' : 'said'} role="status" part="status">${said}</p>
    ${failure === 'offline' && html`<p class="notice bad" role="alert">${say('offline')} <button class="button" type="button" onClick=${load}>${say('retry')}</button></p>`}
    ${failure === 'ended' && html`<p class="notice warn">${say('ended.text')} ${login !== null && html`<a class="button strong" href=${login}>${say('ended.login')}</a>`}</p>`}
    ${
      lists === null
        ? failure === null && html`<${Loading} label=${say('loading')} />`
        : failure !== 'ended' &&
          html`<ul class="list" role="list" part="list">
              ${lists.sessions.map(
                device =>
                  html`<${Row}
                    key=${device.id}
                    ...${{
                      device,
                      words,
                      now,
                      onSignOut: () => {
                        setDialog({ kind: 'one', device })
                      },
                      onRename: () => {
                        setDialog({ kind: 'rename', device })
                      }
                    }}
                  />`
              )}
            </ul>
            ${lists.cursor !== null && html`<button class="button plain" part="button more" type="button" onClick=${loadMore}>${say('moreDevices')}</button>`}
            ${others === 0 && html`<p class="hint alone">${say('onlyThis')}</p>`}`
    }
    ${past && lists !== null && lists.ended.length > 0 && failure !== 'ended' && html`<${Past} ...${{ ended: lists.ended, words, now, heading: page ? 'h2' : 'h3' }} />`}
    ${
      dialog?.kind === 'one' &&
      html`<${Confirm}
        ...${{
          title: say(dialog.device.current ? 'confirm.this' : 'confirm.one', { device: nameOf(dialog.device) }),
          text: say(dialog.device.current ? 'confirm.thisText' : 'confirm.oneText'),
          action: say('signOut'),
          words,
          onYes: () => {
            void revoke(dialog.device)
          },
          onClose: () => {
            setDialog(null)
          }
        }}
      />`
    }
    ${
      dialog?.kind === 'others' &&
      html`<${Confirm}
        ...${{
          title: say('confirm.others'),
          text: lists !== null && lists.cursor !== null ? say('confirm.allOthersText') : say('confirm.othersText', { count: others }),
          action: say('signOutOthers'),
          words,
          onYes: () => {
            void revokeOthers()
          },
          onClose: () => {
            setDialog(null)
          }
        }}
      />`
    }
    ${
      dialog?.kind === 'rename' &&
      html`<${Rename}
        ...${{
          device: dialog.device,
          words,
          onName: (name: string) => {
            void rename(dialog.device, name)
          },
          onClose: () => {
            setDialog(null)
          }
        }}
      />`
    }
    ${
      dialog?.kind === 'reauth' &&
      html`<${Reauthenticate}
        ...${{
          login,
          words,
          onClose: () => {
            setDialog(null)
          }
        }}
      />`
    }
    ${timeout && html`<${Timeout} ...${{ api, login, words, own, extend }} />`}
  </section>`
}

/** Returns the name that its user gave the device, or else its label. */
export function nameOf ({ deviceName, deviceLabel }: Pick<OwnSession, 'deviceName' | 'deviceLabel'>): string {
  return deviceName ?? deviceLabel
}

function Loading ({ label }: { readonly label: string }): VNode {
  return html`<ul class="list" role="list" aria-label=${label}>
    ${[0, 1, 2].map(
      () =>
        html`<li class="row">
          <span class="picture skeleton"></span>
          <div class="what">
            <p class="skeleton name">Firefox on Linux</p>
            <p class="skeleton">203.0.113.7</p>
          </div>
        </li>`
    )}
  </ul>`
}

function Toggle ({ words }: { readonly words: Words }): VNode {
  const theme = useTheme()
  return html`<${ThemeToggle} ...${{ words, value: theme }} />`
}

/** Returns the time, updated each half minute: for "2 minutes ago". */
function useMinutes (): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => { setNow(Date.now()) }, 30_000)
    return () => { window.clearInterval(timer) }
  }, [])
  return now
}
