import htm from 'htm'
import { h } from 'preact'
import type { VNode } from 'preact'

/** Markup without a compiler: a tagged template that creates elements, and never parses text as HTML. */
export const html = htm.bind(h) as (strings: TemplateStringsArray, ...values: readonly unknown[]) => VNode
