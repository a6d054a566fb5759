import { useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { Dialog } from '../shared/dialog.ts'
import { html } from '../shared/html.ts'
import type { Words } from '../shared/words.ts'
import type { OwnSession } from './row.ts'

/** Asks for confirmation of an action that cannot be undone. */
export function Confirm ({
  title,
  text,
  action,
  words,
  onYes,
  onClose
}: {
  readonly title: string
  readonly text: string
  readonly action: string
  readonly words: Words
  readonly onYes: () => void
  readonly onClose: () => void
}): VNode {
  return html`<${Dialog} labelledby="confirm-title" alert=${true} onClose=${onClose}>
    <h2 id="confirm-title">${title}</h2>
    <p>${text}</p>
    <div class="actions">
      <button class="button" type="button" autofocus onClick=${onClose}>${words.say('cancel')}</button>
      <button class="button strong bad" type="button" onClick=${onYes}>${action}</button>
    </div>
  </${Dialog}>`
}

/** Asks for the name of a device. */
export function Rename ({
  device,
  words,
  onName,
  onClose
}: {
  readonly device: OwnSession
  readonly words: Words
  readonly onName: (name: string) => void
  readonly onClose: () => void
}): VNode {
  const [name, setName] = useState(device.deviceName ?? '')
  const { say } = words
  return html`<${Dialog} labelledby="rename-title" onClose=${onClose}>
    <form onSubmit=${(event: SubmitEvent) => {
      event.preventDefault()
      onName(name.trim())
    }}>
      <h2 id="rename-title">${say('rename.title')}</h2>
      <label class="field">${say('rename.label')}
        <input class="input" maxlength="64" value=${name} placeholder=${device.deviceLabel} aria-describedby="rename-hint" autocomplete="off" autofocus onInput=${(
          event: InputEvent
        ) => {
          setName((event.target as HTMLInputElement).value)
        }} />
      </label>
      <p id="rename-hint" class="hint">${say('rename.hint', { device: device.deviceLabel })}</p>
      <div class="actions">
        <button class="button" type="button" onClick=${onClose}>${say('cancel')}</button>
        <button class="button strong" type="submit">${say('save')}</button>
      </div>
    </form>
  </${Dialog}>`
}

/** Shows that the action requires a recent sign-in. */
export function Reauthenticate ({
  login,
  words,
  onClose
}: {
  readonly login: string | null
  readonly words: Words
  readonly onClose: () => void
}): VNode {
  const { say } = words
  return html`<${Dialog} labelledby="reauth-title" onClose=${onClose}>
    <h2 id="reauth-title">${say('reauth.title')}</h2>
    <p>${say('reauth.text')}</p>
    <div class="actions">
      <button class="button" type="button" onClick=${onClose}>${say('close')}</button>
      ${login !== null && html`<a class="button strong" href=${login}>${say('ended.login')}</a>`}
    </div>
  </${Dialog}>`
}
