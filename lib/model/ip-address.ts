import { createHmac } from 'node:crypto'
import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/** The stored form of an IP address: the full address, its network (IPv4 /24, IPv6 /48), a keyed hash, or no value. */
export type IpMode = 'full' | 'truncate' | 'hmac' | 'none'

/** Converts IP addresses to the stored form: canonical (RFC 5952, IPv4-mapped unwrapped), in the configured mode; `null` for other text. */
export class IpAnonymizer {
  readonly #mode: IpMode
  readonly #keys: readonly Buffer[]
  // each request of a client has the same text as a new string
  readonly #known = new Map<string, string>()
  /** The IP addresses of hashes that are in use, for `hmac`. */
  readonly #addresses = new Map<string, string>()

  /** `keys`: for `hmac`, newest first. */
  constructor (mode: IpMode, keys: readonly Buffer[]) {
    this.#mode = mode
    this.#keys = keys
  }

  apply (raw: string | undefined): string | null {
    if (raw === undefined || this.#mode === 'none') return null
    const known = this.#known.get(raw)
    if (known !== undefined) return known
    const kept = this.#keep(raw)
    // clients can send any number of other texts, which must not fill the cache
    if (kept === null) return null
    if (this.#known.size >= 10_000) {
      this.#known.clear()
      this.#addresses.clear()
    }
    this.#known.set(raw, kept)
    if (this.#mode === 'hmac') this.#addresses.set(kept, canonicalIp(raw) as string)
    return kept
  }

  /**
   * Returns whether the stored form of a request's IP address is that of a session: with `hmac`, an older secret may have made the latter.
   */
  isSame (ip: string | null, stored: string | null): boolean {
    if (ip === stored) return true
    const address = this.#addresses.get(ip ?? '')
    return address !== undefined && this.#keys.slice(1).some(key => hashIp(key, address) === stored)
  }

  /** Returns the network (`ipGroupOf`) of a stored form; with `hmac`, that of its IP address while this is known. */
  networkOf (stored: string): string {
    return ipGroupOf(this.#addresses.get(stored) ?? stored)
  }

  #keep (raw: string): string | null {
    const address = canonicalIp(raw)
    if (address === null || this.#mode === 'full') return address
    if (this.#mode === 'hmac') return hashIp(this.#keys[0] as Buffer, address)
    return isIPv4(address) ? address.replace(/\d+$/, '0') : networkOf(address, 3)
  }
}

function hashIp (key: Buffer, address: string): string {
  return createHmac('sha256', key).update(address).digest('base64url').slice(0, 22)
}

/** An IP address with the port that some proxies add to X-Forwarded-For (Azure), or IPv6 in brackets. */
const withPort = /^(?:([\d.]{7,15})|\[([\da-f:.]{2,45})\])(?::\d{1,5})?$/i

/**
 * Returns the canonical form: without a port, IPv4-mapped IPv6 as IPv4, IPv6 compressed and lower case, no zone; `null` if the text is no
 * IP
 * address.
 */
export function canonicalIp (raw: string): string | null {
  if (raw.length > 53) return null
  if (isIPv4(raw)) return raw
  const match = withPort.exec(raw)
  if (match === null) return canonicalIpv6(raw)
  const [, ipv4 = '', ipv6 = ''] = match
  return isIPv4(ipv4) ? ipv4 : canonicalIpv6(ipv6)
}

function canonicalIpv6 (raw: string): string | null {
  if (!isIPv6(raw) || raw.includes('%')) return null
  const address = new SocketAddress({ address: raw, family: 'ipv6' }).address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  return mapped === null ? address : mapped[1] as string
}

/** Returns the group that an IP address is counted in: IPv4 itself, IPv6 its /64 (one client has a whole /64), other text unchanged. */
export function ipGroupOf (address: string): string {
  return address.includes(':') ? `${networkOf(address, 4)}/64` : address
}

/** Returns the first `groups` groups of 16 bits of a canonical IPv6 address, the rest zero. */
function networkOf (address: string, groups: number): string {
  const [head = '', tail] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const all = tail === undefined ? front : [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back]
  return new SocketAddress({ address: `${all.slice(0, groups).join(':')}::`, family: 'ipv6' }).address
}
