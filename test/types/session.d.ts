// The types of these libraries claim `request.session` for themselves, as ours do. An app has one of them; the tests have all.
import type { FastifyPluginCallback } from 'fastify'

export interface SessionData { [key: string]: unknown }

declare const plugin: FastifyPluginCallback<Record<string, unknown>>
export default plugin
