import { createHmac } from 'node:crypto'
import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/** What is kept of an address: all of it, its network (IPv4 /24, IPv6 /48), a keyed hash of it, or nothing. */
export type AddressMode = 'full' | 'truncate' | 'hmac' | 'none'

/** Makes addresses fit to keep: canonical (RFC 5952, IPv4-mapped unwrapped), in the mode that the app chose; `null` for what is no address. */
export class Addresses {
  readonly #mode: AddressMode
  readonly #key: Buffer
  // Every request of one client brings the same text in a new string.
  readonly #known = new Map<string, string | null>()

  /** `key`: for `hmac`. */
  constructor (mode: AddressMode, key: Buffer) {
    this.#mode = mode
    this.#key = key
  }

  keep (raw: string | undefined): string | null {
    if (raw === undefined || this.#mode === 'none') return null
    const known = this.#known.get(raw)
    if (known !== undefined) return known
    if (this.#known.size >= 10_000) this.#known.clear()
    const kept = this.#keep(raw)
    this.#known.set(raw.slice(0, 64), kept)
    return kept
  }

  #keep (raw: string): string | null {
    const address = canonicalAddress(raw)
    if (address === null || this.#mode === 'full') return address
    if (this.#mode === 'hmac') return createHmac('sha256', this.#key).update(address).digest('base64url').slice(0, 22)
    return isIPv4(address) ? address.replace(/\d+$/, '0') : networkOf(address, 3)
  }
}

/** The one way to write an address: IPv4-mapped IPv6 as IPv4, IPv6 compressed and lower case, no zone; `null` for what is no address. */
export function canonicalAddress (raw: string): string | null {
  if (raw.length > 45) return null
  if (isIPv4(raw)) return raw
  if (!isIPv6(raw) || raw.includes('%')) return null
  const address = new SocketAddress({ address: raw, family: 'ipv6' }).address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  return mapped === null ? address : mapped[1] as string
}

/** What addresses are counted by: IPv4 itself, IPv6 by its /64 (one client has a whole /64), anything else as it is. */
export function addressGroup (address: string): string {
  return address.includes(':') ? `${networkOf(address, 4)}/64` : address
}

/** The first `groups` groups of 16 bits of a canonical IPv6 address, the rest zero. */
function networkOf (address: string, groups: number): string {
  const [head = '', tail] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const all = tail === undefined ? front : [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back]
  return new SocketAddress({ address: `${all.slice(0, groups).join(':')}::`, family: 'ipv6' }).address
}
