import type { Reach, Reaches } from './scheduler.ts'

const nothing: Reach = { node: false, cookie: null }
const memory: Reach = { node: true, cookie: null }
const reads: Reach = { node: false, cookie: 'reads' }
const brings: Reach = { node: false, cookie: 'brings' }

/** Asks the store, and hands on what it answers. */
const passing: Reaches = { start: nothing, answer: nothing }
/** What has ended is forgotten on the node that ended it. */
const ending: Reaches = { start: nothing, answer: memory }
/** Its node's activity. */
const writing: Reaches = { start: memory, answer: memory }
const validating: Reaches = { start: reads, answer: { node: true, cookie: 'brings' } }
const rotating: Reaches = { start: reads, answer: brings }

/** How far the code of actors reaches where every validation reads. */
const plain: Readonly<Record<string, Reaches>> = {
  validate: validating,
  // the cookie before is the same all the time
  'validate-old': { ...validating, start: nothing },
  rotate: rotating,
  reauthenticate: rotating,
  update: passing,
  extend: passing,
  page: passing,
  login: ending,
  evict: ending,
  adopt: ending,
  logout: ending,
  revoke: ending,
  'revoke-all': ending,
  'revoke-where': ending,
  flush: writing,
  cleanup: writing
}

/** Looks at its node's copies, or drops one, before it asks. */
const dropping: Reaches = { start: memory, answer: memory, tells: true }
const copying: Reaches = { start: { node: true, cookie: 'reads' }, answer: { node: true, cookie: 'brings' }, tells: true }
const telling: Reaches = { ...ending, tells: true }

/** And where nodes keep copies. */
const copied: Readonly<Record<string, Reaches>> = {
  validate: copying,
  'validate-strict': copying,
  'validate-old': { ...copying, start: memory },
  rotate: copying,
  reauthenticate: copying,
  update: dropping,
  extend: dropping,
  page: passing,
  login: dropping,
  evict: telling,
  adopt: telling,
  logout: dropping,
  revoke: dropping,
  'revoke-all': telling,
  'revoke-where': telling,
  flush: writing,
  cleanup: dropping
}

/** How far an actor's code reaches; `undefined`: nobody knows. */
export function reachesOf (name: string, { copies }: { readonly copies: boolean }): Reaches | undefined {
  return (copies ? copied : plain)[name]
}
