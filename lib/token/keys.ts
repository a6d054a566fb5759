import { hkdfSync } from 'node:crypto'

/** The purpose of a key. Keys of different purposes, or for different cookies, cannot verify each other's values. */
export type KeyPurpose = 'cookie' | 'successor' | 'adoption' | 'cursor' | 'confirmation' | 'ip' | 'data'

/**
 * Returns one 32-byte key per secret, newest first: HKDF-SHA-256 (RFC 5869) over purpose and name, each with its length, so that no two
 * pairs have the same input.
 */
export function deriveKeys (secrets: readonly string[], purpose: KeyPurpose, name: string): Buffer[] {
  const info = `fastify-session-manager/1 ${purpose.length}:${purpose} ${Buffer.byteLength(name)}:${name}`
  return secrets.map(secret => Buffer.from(hkdfSync('sha256', secret, '', info, 32)))
}
