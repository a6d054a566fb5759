import { Type } from '@sinclair/typebox'
import type { TObject, TProperties } from '@sinclair/typebox'
import { endReasons } from '../lib/model/record.ts'
import type { EndedSession } from '../lib/model/record.ts'

/** An object that refuses what it does not name. */
export function closed <T extends TProperties> (properties: T, options: { readonly $id?: string, readonly description?: string } = {}): TObject<T> {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

export const Instant = Type.String({ description: 'ISO 8601, UTC' })
export const Reason = Type.Unsafe<EndedSession['reason']>(Type.String({ enum: [...endReasons] }))

/** What an error answers: Fastify's shape. Open, and nothing is required, so that an error handler of the app can answer in a shape of its own. */
export const ErrorReply = Type.Partial(Type.Object({
  statusCode: Type.Integer(),
  error: Type.String({ description: 'The status in words' }),
  code: Type.String({ description: 'What programs tell errors apart by' }),
  message: Type.String(),
  reason: Type.String({ description: 'Why the session ended, where one did' })
}, { additionalProperties: true }))

export function iso (instant: number): string {
  return new Date(instant).toISOString()
}
