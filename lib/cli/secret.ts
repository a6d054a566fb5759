import { randomBytes } from 'node:crypto'
import type { Command } from './command.ts'

/** Prints a new secret. */
export const secretCommand: Command = {
  name: 'secret',
  usage: '',
  summary: 'a new random secret',
  options: {},
  positionals: [0, 0],
  target: false,
  async run ({ terminal, json }) {
    const secret = randomBytes(32).toString('base64url')
    terminal.out(json ? `${JSON.stringify({ secret })}\n` : `${secret}\n`)
    return 0
  }
}

/** Returns the weakness of a secret; `null` if none is visible. */
export function weaknessOf (secret: string): string | null {
  if (secret.length < 32) return `${secret.length} characters; 32 or more are required`
  const bits = secret.length * entropyOf(secret)
  return bits < 128 ? `about ${Math.round(bits)} bits of variety; it does not look random` : null
}

/** Shannon entropy of the characters, in bits each. */
function entropyOf (text: string): number {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= count / text.length * Math.log2(count / text.length)
  return bits
}
