import type { IncomingMessage } from 'node:http'
import { SessionError } from '../errors.ts'
import { toLoopbackAttributes } from './attributes.ts'
import type { CookieAttributes } from './attributes.ts'
import { SessionCookie } from './cookie.ts'
import { connectionOf } from './request.ts'

/** The cookie names in use on each server: two instances must not read each other's cookies. */
const names = new WeakMap<object, Set<string>>()

const proxyHint = 'A request came over HTTP from this machine, for a host that is not localhost. It counts as the request of a proxy, ' +
  'and its cookie is Secure: browsers ignore it without https. In development, open the app at http://localhost; behind a proxy, ' +
  'set NODE_ENV to production.'

interface VariantOptions {
  readonly secrets: readonly string[]
  /** Requests of this machine get a cookie without `Secure` and prefix. */
  readonly loopback: boolean
  readonly warn: (message: string) => void
}

/** The cookies of one instance: the one for the network, and the one for loopback. */
export class CookieVariants {
  readonly #network: SessionCookie
  readonly #loopback: SessionCookie | null
  readonly #warn: (message: string) => void
  #warned = false

  constructor (attributes: CookieAttributes, { secrets, loopback, warn }: VariantOptions) {
    this.#network = new SessionCookie(attributes, secrets)
    // signed for the name of the network: on loopback, other apps may have this name without its prefix
    this.#loopback = loopback ? new SessionCookie(toLoopbackAttributes(attributes), secrets, attributes.name) : null
    this.#warn = warn
  }

  /** Returns the cookie for a request. */
  for (request: IncomingMessage): SessionCookie {
    if (this.#loopback === null) return this.#network
    const connection = connectionOf(request)
    if (connection === 'loopback') return this.#loopback
    if (connection === 'proxied') this.#warnOnce()
    return this.#network
  }

  #warnOnce (): void {
    if (this.#warned) return
    this.#warned = true
    this.#warn(proxyHint)
  }
}

/**
 * Reserves the names of a cookie, on the network and on loopback, for one instance. Throws `FST_SESSION_DECORATOR_CONFLICT` if another
 * instance of the server has one of them: `__Host-app` and `app` are one cookie on a developer's machine.
 */
export function reserveCookieNames (server: object, attributes: CookieAttributes): void {
  const taken = names.get(server) ?? new Set()
  const wanted = new Set([attributes.name, toLoopbackAttributes(attributes).name])
  for (const name of wanted) {
    if (!taken.has(name)) continue
    const values = [
      `cookie ${name}`,
      'another instance has this name. Give each instance its own. ' +
        'On loopback, names that differ in the prefix (__Host-, __Secure-) only are the same'
    ]
    throw new SessionError('FST_SESSION_DECORATOR_CONFLICT', { values })
  }
  for (const name of wanted) taken.add(name)
  names.set(server, taken)
}
