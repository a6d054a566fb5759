import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Static, TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { ValueError } from '@sinclair/typebox/compiler'
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider, RawServerDefault } from 'fastify'

/** Derives the types of requests and replies from their TypeBox schemas. */
export interface TypeBoxTypeProvider extends FastifyTypeProvider {
  readonly validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
  readonly serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown
}

/** A scope whose routes are validated and typed by their TypeBox schemas. */
export type TypeBoxInstance = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/**
 * Validates with TypeBox itself: unknown properties are rejected (Fastify's own validator would drop them silently), and only query strings
 * and paths, which are all text, are converted.
 */
export function withTypeBox (app: FastifyInstance): TypeBoxInstance {
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => {
    const checker = TypeCompiler.Compile(schema)
    return (data: unknown) => {
      const value = httpPart === 'body' ? data : fromText(schema, data as Readonly<Record<string, unknown>>)
      if (checker.Check(value)) return { value }
      const { path, message } = checker.Errors(value).First() as ValueError
      return { error: new Error(`${String(httpPart)}${path}: ${message}`) }
    }
  })
  // no simple content type: a form of another origin cannot reach these routes without a preflight
  app.removeContentTypeParser('text/plain')
  return app.withTypeProvider<TypeBoxTypeProvider>()
}

/**
 * Converts texts to whole numbers, `true` and `false`, if the schema requires them and the text is exactly that. Other texts stay, and are
 * rejected.
 */
function fromText (schema: TSchema, data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const properties = schema['properties'] as Readonly<Record<string, TSchema>>
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [
    name,
    typeof value === 'string' ? convert(value, properties[name]?.['type']) : value
  ]))
}

function convert (text: string, type: unknown): unknown {
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}
