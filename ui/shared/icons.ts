import { html } from './html.ts'
import type { VNode } from 'preact'

const paths = {
  desktop: 'M3 5h18v11H3zM12 16v4M8 20h8',
  mobile: 'M8 3h8v18H8zM11 18h2',
  tablet: 'M5 3h14v18H5zM11 18h2',
  tool: 'M4 5h16v14H4zM7.5 9.5l3 2.5-3 2.5M13 15h3.5',
  unknown: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.5a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2 1-1.2 2M12 16.8v.1',
  pencil: 'M4 20l.8-3.8L16.5 4.5a1.6 1.6 0 0 1 2.3 0l.7.7a1.6 1.6 0 0 1 0 2.3L7.8 19.2z',
  close: 'M6 6l12 12M18 6L6 18',
  filter: 'M4 6h16M7 12h10M10 18h4',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
  auto: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 7.5l7.5 1M12 12h9M12 16.5l7.5-1',
  download: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14',
  back: 'M14.5 5.5L8 12l6.5 6.5',
  next: 'M9.5 5.5L16 12l-6.5 6.5'
} as const

export type IconName = keyof typeof paths

/** A decorative icon beside a text. */
export function Icon ({ name, size = 18 }: { readonly name: IconName, readonly size?: number }): VNode {
  return html`<svg
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.7"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d=${paths[name]} />
  </svg>`
}

/** Returns the icon of a type of device. */
export function deviceIcon (type: string | null): IconName {
  return type === 'desktop' || type === 'mobile' || type === 'tablet' || type === 'tool' ? type : 'unknown'
}
