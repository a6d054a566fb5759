import { render } from 'preact'
import type { ComponentType } from 'preact'
import { html } from '../shared/html.ts'
import { Timeout, useOwnSession } from '../shared/timeout.ts'
import { readTexts, toWords } from '../shared/words.ts'
import type { Texts, Words } from '../shared/words.ts'
import { Devices } from './devices.ts'
import { deviceTexts, timeoutTexts } from './texts.ts'

/** The style sheet of the elements. The build inserts it. */
declare const ELEMENT_CSS: string

const defaultApi = '/api/v1/auth/sessions'

/** Shared by both elements: attributes, texts, and a shadow tree with the package's style. */
abstract class SessionElement extends HTMLElement {
  static readonly observedAttributes: readonly string[] = ['src', 'login', 'messages', 'lang', 'past', 'timeout']
  #messages: Texts | null = null
  #shown = false

  /** Texts in place of this package's, by key; the attribute `messages` takes them as JSON. */
  get messages (): Texts { return this.#messages ?? readTexts(this.getAttribute('messages')) }
  set messages (texts: Texts) {
    this.#messages = texts
    if (this.#shown) this.show()
  }

  connectedCallback (): void {
    // assigned before the script had loaded
    if (Object.hasOwn(this, 'messages')) {
      const { messages } = this
      Reflect.deleteProperty(this, 'messages')
      this.#messages = messages
    }
    if (this.shadowRoot === null) {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(ELEMENT_CSS)
      this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [sheet]
    }
    this.#shown = true
    this.show()
  }

  disconnectedCallback (): void {
    this.#shown = false
    render(null, this.shadowRoot as ShadowRoot)
  }

  attributeChangedCallback (): void { if (this.#shown) this.show() }

  protected abstract show (): void

  protected get api (): string { return (this.getAttribute('src') ?? defaultApi).replace(/\/$/, '') }
  protected get login (): string | null { return this.getAttribute('login') }

  protected words (texts: Texts): Words {
    const near = this.closest('[lang]')?.getAttribute('lang')
    return toWords(texts, this.messages, near === null || near === undefined || near === '' ? navigator.language : near)
  }

  /** Notifies the page; returns whether a listener has handled it (`preventDefault`). */
  protected emit (type: 'reauth' | 'ended', detail: unknown): boolean {
    return !this.dispatchEvent(new CustomEvent(`session-${type}`, { detail, bubbles: true, composed: true, cancelable: true }))
  }
}

/** `<session-devices>`: the user's devices. */
export class SessionDevices extends SessionElement {
  protected show (): void {
    const props = {
      api: this.api,
      login: this.login,
      words: this.words(deviceTexts),
      past: this.getAttribute('past') !== 'off',
      timeout: this.getAttribute('timeout') !== 'off',
      page: this.hasAttribute('page'),
      emit: (type: 'reauth' | 'ended', detail: unknown) => this.emit(type, detail)
    }
    render(html`<${Devices} ...${props} />`, this.shadowRoot as ShadowRoot)
  }
}

/** `<session-timeout>`: for every page of an app; shows nothing until the session is about to expire. */
export class SessionTimeout extends SessionElement {
  protected show (): void {
    render(html`<${Alone} ...${{ api: this.api, login: this.login, words: this.words(timeoutTexts) }} />`, this.shadowRoot as ShadowRoot)
  }
}

const Alone: ComponentType<{ api: string, login: string | null, words: Words }> = ({ api, login, words }) => {
  const { own, extend } = useOwnSession(api, () => {})
  return html`<${Timeout} ...${{ api, login, words, own, extend }} />`
}
