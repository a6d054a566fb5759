import { useEffect, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { ApiError, call } from '../shared/api.ts'
import { Dialog } from '../shared/dialog.ts'
import { html } from '../shared/html.ts'
import type { Words } from '../shared/words.ts'
import { toBody } from './place.ts'
import type { Filters } from './place.ts'
import type { Session } from './types.ts'

/** The sessions to revoke, once the admin has confirmed. */
export type RevocationRequest =
  | { readonly kind: 'some', readonly sessions: readonly Session[] }
  | { readonly kind: 'user', readonly userId: string, readonly count: number }
  | { readonly kind: 'matching', readonly filters: Filters }

export interface RevokeProps {
  readonly api: string
  readonly request: RevocationRequest
  readonly words: Words
  /** Called with the number of ended sessions; `null`: the admin canceled. */
  readonly onDone: (ended: number | null) => void
}

interface Preview { readonly count: number, readonly sample: readonly Session[], readonly token: string, readonly ownSessionKept: boolean }
interface Done { readonly revoked: number, readonly cursor: string | null }

/** Shows the sessions that would end, and ends them after a confirmation. */
export function Revoke (props: RevokeProps): VNode {
  return props.request.kind === 'matching'
    ? html`<${Matching} ...${{ ...props, filters: props.request.filters }} />`
    : html`<${Some} ...${props} />`
}

/** Returns the texts of the confirmation for some sessions, or for all of a user. */
function toConfirmation (
  request: RevocationRequest,
  { say }: Words
): { readonly title: string; readonly text: string; readonly count: number; readonly body: unknown } {
  if (request.kind === 'user') {
    return {
      title: say('revoke.user', { user: request.userId }),
      text: say('revoke.userText', { count: request.count }),
      count: request.count,
      body: { userId: request.userId }
    }
  }
  const sessions = request.kind === 'some' ? request.sessions : []
  const [first] = sessions
  return {
    count: sessions.length,
    body: { ids: sessions.map(({ id }) => id) },
    ...(sessions.length === 1
      ? { title: say('revoke.one'), text: say('revoke.oneText', { user: first?.userId ?? say('list.guest') }) }
      : { title: say('revoke.some', { count: sessions.length }), text: say('revoke.someText') })
  }
}

function Some ({ api, request, words, onDone }: RevokeProps): VNode {
  const { say } = words
  const { title, text, count, body } = toConfirmation(request, words)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<string | null>(null)
  const run = (): void => {
    setBusy(true)
    call<Done>(`${api}/revoke`, { method: 'POST', body }).then(
      ({ revoked }) => {
        onDone(revoked)
      },
      (error: unknown) => {
        setBusy(false)
        setFailed(toMessage(error))
      }
    )
  }
  return html`<${Dialog} labelledby="revoke-title" alert=${true} onClose=${() => {
    onDone(null)
  }}>
    <h2 id="revoke-title">${title}</h2>
    <p>${text}</p>
    ${request.kind === 'some' && request.sessions.some(session => session.current) && html`<p class="notice warn">${say('revoke.ownText')}</p>`}
    ${request.kind === 'some' && html`<${Sample} ...${{ sessions: request.sessions, words }} />`}
    ${failed !== null && html`<p class="notice bad" role="alert">${say('revoke.failed', { message: failed })}</p>`}
    <div class="actions">
      <button class="button" type="button" autofocus onClick=${() => {
        onDone(null)
      }}>${say('cancel')}</button>
      <button class="button strong bad" type="button" disabled=${busy} onClick=${run}>${say('revoke.yes', { count })}</button>
    </div>
  </${Dialog}>`
}

function Matching ({ api, filters, words, onDone }: RevokeProps & { readonly filters: Filters }): VNode {
  const { say } = words
  const all = Object.keys(filters).length === 0
  const target = { filter: toBody(filters), ...all ? { all: true } : {} }
  const [preview, setPreview] = useState<Preview | null>(null)
  const [confirmed, setConfirmed] = useState(!all)
  const [done, setDone] = useState<number | null>(null)
  const [failed, setFailed] = useState<string | null>(null)
  useEffect(() => {
    call<Preview>(`${api}/revoke`, { method: 'POST', body: { ...target, dryRun: true } }).then(setPreview, (error: unknown) => {
      setFailed(toMessage(error))
    })
  }, [])

  async function run (token: string): Promise<void> {
    let ended = 0
    let cursor: string | null = null
    setDone(0)
    try {
      do {
        const step: Done = await call<Done>(`${api}/revoke`, {
          method: 'POST',
          body: { ...target, token, ...(cursor === null ? {} : { cursor }) }
        })
        ended += step.revoked
        cursor = step.cursor
        setDone(ended)
      } while (cursor !== null)
      onDone(ended)
    } catch (error) {
      setDone(null)
      setFailed(toMessage(error))
    }
  }

  const count = preview?.count ?? 0
  return html`<${Dialog} labelledby="revoke-title" alert=${true} onClose=${() => {
    if (done === null) onDone(null)
  }}>
    <h2 id="revoke-title">${say('revoke.matching')}</h2>
    ${preview === null && failed === null && html`<p role="status">${say('revoke.counting')}…</p>`}
    ${
      preview !== null &&
      html`<p role="status">
          ${count === 0 ? say('revoke.noneMatch') : say('revoke.match', { count })}
          ${preview.ownSessionKept && say('revoke.ownSessionKept')}
        </p>
        ${
          count > 0 &&
          html`<h3>${say('revoke.sample')}</h3>
            <${Sample} ...${{ sessions: preview.sample, words }} />`
        }
        ${
          all &&
          count > 0 &&
          html`<label class="confirm-all"
            ><input
              type="checkbox"
              checked=${confirmed}
              onChange=${(event: Event) => {
                setConfirmed((event.target as HTMLInputElement).checked)
              }}
            />
            ${say('revoke.confirmAll')}</label
          >`
        }`
    }
    ${
      done !== null &&
      html`<p role="status">${say('revoke.running', { done, count })}</p>
        <progress max=${Math.max(1, count)} value=${done}></progress>`
    }
    ${failed !== null && html`<p class="notice bad" role="alert">${say('revoke.failed', { message: failed })}</p>`}
    <div class="actions">
      <button class="button" type="button" autofocus disabled=${done !== null} onClick=${() => {
        onDone(null)
      }}>${say('cancel')}</button>
      <button class="button strong bad" type="button" disabled=${preview === null || count === 0 || !confirmed || done !== null} onClick=${() => {
        if (preview !== null) void run(preview.token)
      }}>${say('revoke.yes', { count })}</button>
    </div>
  </${Dialog}>`
}

function Sample ({ sessions, words }: { readonly sessions: readonly Session[], readonly words: Words }): VNode {
  return html`<ul class="sample" role="list" tabindex="0">
    ${sessions.map(({ id, userId, deviceLabel, ip }) => html`<li key=${id}><b>${userId ?? words.say('list.guest')}</b> <span class="soft">${[deviceLabel, ip].filter(Boolean).join(' · ')}</span></li>`)}
  </ul>`
}

function toMessage (error: unknown): string {
  return error instanceof ApiError ? error.message : String(error)
}
