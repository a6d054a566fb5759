import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'

/** One built file of the pages, in the encodings that browsers accept. */
export interface Asset {
  readonly type: string
  /** Changes when the content does. */
  readonly version: string
  readonly bodies: Readonly<Record<'br' | 'gzip' | 'identity', Buffer>>
}

/** The files that `npm run build:ui` creates. */
export type AssetName = 'console.js' | 'console.css' | 'devices.css' | 'element.js' | 'notice.css' | 'icon.svg'

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml'
}
/** The built files are beside the sources, and beside `dist`. */
const places = ['../../ui/built/', '../../../ui/built/']
/** Pages and their files are not part of the API that the OpenAPI document describes. */
export const hidden: FastifySchema & { readonly hide: true } = { hide: true }
const loaded = new Map<AssetName, Promise<Asset>>()

/** Reads a built file, once. */
export function loadAsset (name: AssetName): Promise<Asset> {
  const asset = loaded.get(name) ?? read(name)
  loaded.set(name, asset)
  return asset
}

/**
 * Serves a built file. It is the same for all users and contains no secret, so caches may store it: indefinitely under its version (`?v=`),
 * otherwise only with revalidation.
 */
export function serveAsset (scope: FastifyInstance, path: string, name: AssetName): void {
  scope.get(path, { config: { session: false }, schema: hidden }, async (request, reply) => {
    const asset = await loadAsset(name)
    const { v } = request.query as { v?: unknown }
    reply.headers({
      'cache-control': v === asset.version ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: `"${asset.version}"`,
      vary: 'Accept-Encoding',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff'
    })
    if (String(request.headers['if-none-match']).includes(asset.version)) return reply.code(304).send()
    return send(request, reply, asset)
  })
}

function send (request: FastifyRequest, reply: FastifyReply, { type, bodies }: Asset): FastifyReply {
  const accepted = String(request.headers['accept-encoding'])
  const encoding = (['br', 'gzip'] as const).find(name => {
    return new RegExp(`(^|[,\\s])${name}(?!\\s*;\\s*q=0(\\.0*)?\\s*(,|$))([;,\\s]|$)`).test(accepted)
  }) ?? 'identity'
  if (encoding !== 'identity') reply.header('content-encoding', encoding)
  return reply.type(type).send(bodies[encoding])
}

async function read (name: AssetName): Promise<Asset> {
  const root = places.map(place => new URL(place, import.meta.url)).find(place => existsSync(place))
  const read = (form: string): Promise<Buffer> => readFile(new URL(name + form, root))
  const [identity, br, gzip] = await Promise.all([read(''), read('.br'), read('.gz')])
  return {
    type: types[name.replace(/^.*\./, '')] as string,
    version: createHash('sha256').update(identity).digest('base64url').slice(0, 16),
    bodies: { identity, br, gzip }
  }
}
