import type { IncomingMessage } from 'node:http'
import { SessionError } from '../errors.ts'
import { toLoopbackAttributes } from './attributes.ts'
import type { CookieAttributes } from './attributes.ts'
import { SessionCookie } from './cookie.ts'
import { isLoopback } from './request.ts'

/** The cookie names in use on each server: two instances must not read each other's cookies. */
const names = new WeakMap<object, Set<string>>()

/** The cookies of one instance: the network's, and the plainer one that loopback may have. */
export class Jars {
  readonly #network: SessionCookie
  readonly #loopback: SessionCookie | null

  constructor (attributes: CookieAttributes, { secrets, loopback }: { readonly secrets: readonly string[], readonly loopback: boolean }) {
    this.#network = new SessionCookie(attributes, secrets)
    this.#loopback = loopback ? new SessionCookie(toLoopbackAttributes(attributes), secrets) : null
  }

  /** The cookie that a request may bear. */
  of (request: IncomingMessage): SessionCookie {
    return this.#loopback !== null && isLoopback(request) ? this.#loopback : this.#network
  }
}

/** Takes a cookie's name for one instance. Throws `FST_SESSION_DECORATOR_CONFLICT` if another of the server has it. */
export function claimName (server: object, name: string): void {
  const taken = names.get(server) ?? new Set()
  if (taken.has(name)) throw new SessionError('FST_SESSION_DECORATOR_CONFLICT', { values: [`cookie ${name}`, 'Give each instance a cookie name of its own.'] })
  names.set(server, taken.add(name))
}
