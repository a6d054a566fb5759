import { useLayoutEffect, useRef } from 'preact/hooks'
import type { ComponentChildren, VNode } from 'preact'
import { html } from './html.ts'

export interface DialogProps {
  /** Names it: the id of its heading. */
  readonly labelledby: string
  readonly className?: string
  /** Where a press beside it, or Escape, leads. */
  readonly onClose: () => void
  readonly children?: ComponentChildren
  /** It asks for something that must not be missed. */
  readonly alert?: boolean
}

/** A modal dialog: the browser keeps the focus in it, and gives it back. */
export function Dialog ({ labelledby, className = 'box', onClose, children, alert = false }: DialogProps): VNode {
  const ref = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const dialog = ref.current
    const before = deepActive()
    dialog?.showModal()
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return html`<dialog ref=${ref} class=${className} role=${alert ? 'alertdialog' : undefined} aria-labelledby=${labelledby}
    onCancel=${(event: Event) => { event.preventDefault(); onClose() }} onClick=${(event: MouseEvent) => { if (event.target === event.currentTarget) onClose() }}>${children}</dialog>`
}

/** What has the focus, also within a shadow tree. */
function deepActive (): Element | null {
  let active = document.activeElement
  while (active?.shadowRoot?.activeElement != null) active = active.shadowRoot.activeElement
  return active
}
