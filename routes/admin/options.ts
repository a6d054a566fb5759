import type { FastifyReply, FastifyRequest } from 'fastify'
import { checkNames, invalidOption, namesOf, optionalFunction } from '../../lib/options.ts'
import { toPageOptions } from '../pages/options.ts'
import type { CheckedPageOptions, PageOptions } from '../pages/options.ts'

/** A hook as `addHook('onRequest', …)` takes it. */
export type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => unknown
/** Options of the admin routes. Without them, the routes do not exist. */
export interface AdminOptions {
  /** Default `/api/v1/admin/sessions`. */
  readonly prefix?: string
  /** Decides who is an admin: only `true` allows. Called for each request, before its body is read and before the store is queried. */
  readonly authorize: (request: FastifyRequest) => boolean | Promise<boolean>
  /** Hooks that run before `authorize`: to identify the admin, if the session does not. */
  readonly onRequest?: OnRequest | readonly OnRequest[]
  /** Returns the admin's name for events and for `by`, if it is not the user of the session. The first 64 characters count. */
  readonly actor?: (request: FastifyRequest) => string | null | undefined
  /** The console: a page on these routes, behind the same guards. Default at `/admin/sessions`; `false`: none. */
  readonly console?: PageOptions | false
}
const names = namesOf<AdminOptions>({ prefix: true, authorize: true, onRequest: true, actor: true, console: true })

/** The options of the admin routes, checked. */
export interface CheckedAdminOptions {
  readonly prefix: string
  readonly authorize: AdminOptions['authorize']
  readonly onRequest: readonly OnRequest[]
  readonly actor: AdminOptions['actor'] | undefined
  readonly console: CheckedPageOptions | null
}
/** Checks the options of the admin routes. Throws `FST_SESSION_INVALID_OPTION`. */
export function toAdminOptions (options: AdminOptions): CheckedAdminOptions {
  if (typeof (options as unknown) !== 'object' || (options as unknown) === null) throw invalidOption('admin', 'an object with `authorize`')
  checkNames(options, 'admin', names)
  const { prefix = '/api/v1/admin/sessions', authorize } = options
  if (typeof authorize !== 'function') throw invalidOption('admin.authorize', 'a function of the request that returns `true` for admins')
  if (typeof prefix !== 'string' || !/^\/./.test(prefix)) throw invalidOption('admin.prefix', 'a path that starts with /')
  const hooks: readonly OnRequest[] = [options.onRequest ?? []].flat()
  for (const hook of hooks) optionalFunction(hook, 'admin.onRequest')
  const console = options.console === false
    ? null
    : toPageOptions(options.console === undefined ? {} : options.console, 'admin.console', '/admin/sessions')
  return { prefix, authorize, onRequest: hooks, actor: optionalFunction(options.actor, 'admin.actor'), console }
}
