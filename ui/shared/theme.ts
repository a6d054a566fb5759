import { useEffect, useLayoutEffect, useState } from 'preact/hooks'
import type { VNode } from 'preact'
import { html } from './html.ts'
import { Icon } from './icons.ts'
import type { Words } from './words.ts'

/** The user's choice; `auto`: the setting of their system. */
export type Theme = 'auto' | 'light' | 'dark'

const themes: readonly Theme[] = ['auto', 'light', 'dark']
const key = 'fastify-session-manager.theme'
const icons = { auto: 'auto', light: 'sun', dark: 'moon' } as const

/** Returns the theme, which is stored in this browser and applied to the page. */
export function useTheme (): readonly [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(stored)
  // before child components draw
  useLayoutEffect(() => {
    if (theme === 'auto') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = theme
  }, [theme])
  return [theme, theme => {
    try { localStorage.setItem(key, theme) } catch { /* storage may be forbidden; the page still changes */ }
    setTheme(theme)
  }]
}

/** Returns the scheme in use, because a canvas must be drawn again if it changes. */
export function useScheme (theme: Theme): 'light' | 'dark' {
  const media = window.matchMedia('(prefers-color-scheme: dark)')
  const [dark, setDark] = useState(media.matches)
  useEffect(() => {
    const look = (): void => { setDark(media.matches) }
    media.addEventListener('change', look)
    return () => { media.removeEventListener('change', look) }
  }, [])
  return theme === 'auto' ? (dark ? 'dark' : 'light') : theme
}

/** A button that switches through the themes. */
export function ThemeToggle ({
  words,
  value: [theme, setTheme]
}: {
  readonly words: Words
  readonly value: ReturnType<typeof useTheme>
}): VNode {
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] as Theme
  const label = words.say('theme', { theme: words.say(`theme.${theme}`) })
  return html`<button
    class="button icon"
    type="button"
    title=${label}
    aria-label=${label}
    onClick=${() => {
      setTheme(next)
    }}
  >
    <${Icon} name=${icons[theme]} size=${16} />
  </button>`
}

function stored (): Theme {
  try {
    return themes.find(theme => theme === localStorage.getItem(key)) ?? 'auto'
  } catch {
    return 'auto'
  }
}
