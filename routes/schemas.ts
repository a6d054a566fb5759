import { Type } from '@sinclair/typebox'
import type { TObject, TProperties, TSchema } from '@sinclair/typebox'
import { endReasons } from '../lib/model/record.ts'
import type { EndedSession } from '../lib/model/record.ts'

/** An object that rejects unknown properties. */
export function strictObject <T extends TProperties> (
  properties: T,
  options: { readonly $id?: string, readonly description?: string } = {}
): TObject<T> {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** A value, or `null`. */
export function nullable <T extends TSchema> (schema: T) {
  return Type.Union([schema, Type.Null()])
}

/** One of several words. */
export function oneWord <const Words extends readonly string[]> (words: Words, options: { readonly description?: string } = {}) {
  // the validator reads the pattern, the OpenAPI document the list
  return Type.Unsafe<Words[number]>(Type.String({ enum: [...words], pattern: `^(${words.join('|')})$`, ...options }))
}

export const Timestamp = Type.String({ description: 'ISO 8601, UTC' })
export const Reason = Type.Unsafe<EndedSession['reason']>(Type.String({ enum: [...endReasons] }))

/**
 * The reply of an error, in Fastify's shape. All properties are optional, and others are allowed, so that an error handler of the app can
 * use its own shape.
 */
export const ErrorReply = Type.Partial(Type.Object({
  statusCode: Type.Integer(),
  error: Type.String({ description: 'The status in words' }),
  code: Type.String({ description: 'Error code for programs' }),
  message: Type.String(),
  reason: Type.String({ description: 'Why the session ended, where one did' })
}, { additionalProperties: true }))

/** The device of a session, from its user agent. */
export const DeviceView = strictObject({
  browser: nullable(Type.String({ description: 'Family without version, such as Firefox; null: unknown' })),
  version: nullable(Type.String({ description: 'Major version of the browser' })),
  os: nullable(Type.String({ description: 'Operating system, such as Linux' })),
  type: nullable(Type.String({ description: 'desktop, mobile, tablet, tool, …' }))
})

/** Returns a timestamp as ISO 8601. A timestamp beyond the range of dates becomes the last date: one record must not fail a whole list. */
export function toIso (timestamp: number): string {
  return new Date(Math.min(timestamp, 8.64e15)).toISOString()
}
