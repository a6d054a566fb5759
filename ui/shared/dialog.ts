import { useLayoutEffect, useRef } from 'preact/hooks'
import type { ComponentChildren, VNode } from 'preact'
import { html } from './html.ts'

export interface DialogProps {
  /** The id of its heading, which names it. */
  readonly labelledby: string
  readonly className?: string
  /** Called after a click beside it, or Escape. */
  readonly onClose: () => void
  readonly children?: ComponentChildren
  /** Whether it must not be missed. */
  readonly alert?: boolean
}

/** A modal dialog: the browser keeps the focus in it, and returns it afterwards. */
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
  return html`<dialog
    ref=${ref}
    class=${className}
    role=${alert ? 'alertdialog' : undefined}
    aria-labelledby=${labelledby}
    onCancel=${(event: Event) => {
      event.preventDefault()
      onClose()
    }}
    onClick=${(event: MouseEvent) => {
      if (event.target === event.currentTarget) onClose()
    }}
  >
    ${children}
  </dialog>`
}

/** Returns the element that has the focus, also within a shadow tree. */
function deepActive (): Element | null {
  let active = document.activeElement
  while (active?.shadowRoot?.activeElement != null) active = active.shadowRoot.activeElement
  return active
}
