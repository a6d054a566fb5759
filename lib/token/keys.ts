import { hkdfSync } from 'node:crypto'

/** What a key is for. Keys of different purposes, or of different cookies, verify nothing of each other. */
export type KeyPurpose = 'cookie' | 'successor' | 'adoption' | 'cursor' | 'confirmation' | 'ip' | 'data'

/**
 * One 32-byte key per secret, newest first: HKDF-SHA-256 (RFC 5869) over purpose and name, each with its length, so that no two pairs
 * give the same input.
 */
export function deriveKeys (secrets: readonly string[], purpose: KeyPurpose, name: string): Buffer[] {
  const info = `fastify-session-manager/1 ${purpose.length}:${purpose} ${Buffer.byteLength(name)}:${name}`
  return secrets.map(secret => Buffer.from(hkdfSync('sha256', secret, '', info, 32)))
}
