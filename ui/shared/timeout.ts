import { useEffect, useRef, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { call } from './api.ts'
import { Dialog } from './dialog.ts'
import { html } from './html.ts'
import { followSession } from './live.ts'
import type { Following, OwnSession } from './live.ts'
import type { Words } from './words.ts'

/** Follows the own session while the component is mounted; `null`: its state is unknown, or there is no session to follow. */
export function useOwnSession (
  api: string | null,
  onDevices: () => void
): { readonly own: OwnSession | null; readonly extend: () => Promise<void> } {
  const [own, setOwn] = useState<OwnSession | null>(null)
  const following = useRef<Following | null>(null)
  const told = useRef(onDevices)
  told.current = onDevices
  useEffect(() => {
    if (api === null) return undefined
    const started = followSession(api, {
      onOwn: setOwn,
      onDevices: () => {
        told.current()
      }
    })
    following.current = started
    return () => {
      started.stop()
    }
  }, [api])
  return {
    own,
    extend: async () => {
      await following.current?.extend()
    }
  }
}

export interface TimeoutProps {
  readonly api: string
  readonly login: string | null
  readonly words: Words
  readonly own: OwnSession | null
  readonly extend: () => Promise<void>
}

/** Shows that the session is about to expire, in time to react (WCAG 2.2 2.2.1), and that it has ended. */
export function Timeout ({ api, login, words, own, extend }: TimeoutProps): VNode | null {
  const [dismissed, setDismissed] = useState<string | null>(null)
  const key = own === null ? '' : own.state === 'ended' ? 'ended' : own.near ? 'near' : ''
  useEffect(() => { if (key === '') setDismissed(null) }, [key])
  if (own === null || key === '' || dismissed === key) return null
  const dismiss = (): void => { setDismissed(key) }
  return own.state === 'ended'
    ? html`<${Ended} ...${{ words, login, reason: own.reason, onClose: dismiss }} />`
    : html`<${Ending} ...${{ api, words, own, extend, onClose: dismiss }} />`
}

function Ending ({
  api,
  words,
  own,
  extend,
  onClose
}: {
  readonly api: string
  readonly words: Words
  readonly own: OwnSession & { readonly state: 'live' }
  readonly extend: () => Promise<void>
  readonly onClose: () => void
}): VNode {
  const [failed, setFailed] = useState(false)
  const left = useSecondsLeft(own.endsAt)
  const stay = (): void => {
    extend().catch(() => {
      setFailed(true)
    })
  }
  const leave = (): void => {
    call(`${api}/logout`, { method: 'POST', body: {} }).catch(() => {
      setFailed(true)
    })
  }
  const text = words.say(own.extendable ? 'ending.text' : 'ending.fixedText')
  // announced to screen readers every few seconds only
  const spoken = left > 30 ? Math.ceil(left / 30) * 30 : left > 10 ? Math.ceil(left / 10) * 10 : left
  return html`<${Dialog} labelledby="ending-title" alert=${true} onClose=${onClose}>
    <h2 id="ending-title">${words.say('ending.title')}</h2>
    <p>${text}</p>
    <p class="countdown" aria-hidden="true">${words.say('ending.left', { time: clock(left) })}</p>
    <p class="unseen" role="timer" aria-live="polite">${words.say('ending.spoken', { count: spoken })}</p>
    ${failed && html`<p class="failed" role="alert">${words.say('failed')}</p>`}
    <div class="actions">
      <button class="button" type="button" onClick=${leave}>${words.say('ending.leave')}</button>
      ${
        own.extendable
          ? html`<button class="button strong" type="button" autofocus onClick=${stay}>${words.say('ending.stay')}</button>`
          : html`<button class="button strong" type="button" autofocus onClick=${onClose}>${words.say('ending.understood')}</button>`
      }
    </div>
  </${Dialog}>`
}

function Ended ({
  words,
  login,
  reason,
  onClose
}: {
  readonly words: Words
  readonly login: string | null
  readonly reason: string | null
  readonly onClose: () => void
}): VNode {
  return html`<${Dialog} labelledby="ended-title" alert=${true} onClose=${onClose}>
    <h2 id="ended-title">${words.say('ended.title')}</h2>
    <p>${reason !== null && words.has(`ended.${reason}`) ? words.say(`ended.${reason}`) : words.say('ended.text')}</p>
    <div class="actions">
      <button class="button" type="button" onClick=${onClose}>${words.say('close')}</button>
      ${login !== null && html`<a class="button strong" href=${login} autofocus>${words.say('ended.login')}</a>`}
    </div>
  </${Dialog}>`
}

function useSecondsLeft (endsAt: number): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => { setNow(Date.now()) }, 1000)
    return () => { window.clearInterval(timer) }
  }, [])
  return Math.max(0, Math.round((endsAt - now) / 1000))
}

/** `1:59`. */
function clock (seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
