import { render } from 'preact'
import { html } from '../shared/html.ts'
import { readTexts, toWords } from '../shared/words.ts'
import { App } from './app.ts'
import { consoleTexts } from './texts.ts'

const root = document.querySelector('session-console')
if (root !== null) {
  root.replaceChildren()
  render(html`<${App} ...${{
    api: root.getAttribute('api') ?? '', own: root.getAttribute('own'), login: root.getAttribute('login'),
    words: toWords(consoleTexts, readTexts(root.getAttribute('messages')), document.documentElement.lang)
  }} />`, root)
}
