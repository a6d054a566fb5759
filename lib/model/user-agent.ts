import Bowser from 'bowser'

/** A user agent is cut to so many bytes before anything looks at it (CVE-2022-25927 and its kin: parsers that take quadratic time). */
const maxBytes = 512
/** Devices of the agents that came last: most sessions come from a few hundred agents. */
const devices = new Map<string, string>()
const maxDevices = 1000

/** A user-agent header as it is kept: at most 512 bytes, no control characters; `null` if there is none. */
export function cleanAgent (header: string | undefined): string | null {
  if (header === undefined || header === '') return null
  // as nearly all are: ASCII, not too long, nothing to trim
  if (header.length <= maxBytes && /^[!-~](?:[ -~]*[!-~])?$/.test(header)) return header
  const text = cutToBytes(header, maxBytes).replace(/[\p{Cc}\u2028\u2029]/gu, '').trim()
  return text === '' ? null : text
}

/** What the agent says the device is: `browser|system|type`, such as `Firefox 144|Linux|desktop`; `null` if there is no agent. */
export function deviceOf (agent: string | null): string | null {
  if (agent === null) return null
  const known = devices.get(agent)
  if (known !== undefined) return known
  const device = parseAgent(agent)
  if (devices.size >= maxDevices) devices.clear()
  devices.set(agent, device)
  return device
}

/** A device in words people know: `Firefox on Linux`, `Command-line client`, `Unknown device`. */
export function deviceLabel (device: string | null): string {
  const [browser = '', system = '', type = ''] = (device ?? '').split('|')
  if (type === 'tool') return 'Command-line client'
  const name = browser.replace(/ [\d.]+$/, '')
  return [name, system].filter(part => part !== '').join(' on ') || 'Unknown device'
}

/** About 10 µs. */
function parseAgent (agent: string): string {
  const tool = /^(curl|wget|httpie|python-requests|node|undici|go-http-client)\b/i.exec(agent)
  if (tool !== null) return `${tool[1] as string}||tool`
  const parsed = Bowser.parse(agent)
  const version = /^\d+/.exec(parsed.browser.version ?? '')?.[0]
  const browser = [parsed.browser.name, version].filter(Boolean).join(' ')
  const system = /iphone/i.test(agent) ? 'iPhone' : /ipad/i.test(agent) ? 'iPad' : parsed.os.name ?? ''
  return [browser, system, parsed.platform.type ?? ''].map(part => part.replaceAll('|', '')).join('|')
}

function cutToBytes (text: string, bytes: number): string {
  const buffer = Buffer.from(text.slice(0, bytes))
  if (buffer.length <= bytes) return text.slice(0, bytes)
  // a code point that the cut goes through becomes U+FFFD; it goes too
  return buffer.toString('utf8', 0, bytes).replace(/\ufffd+$/, '')
}
export const parts = new Map<string, { readonly browser: string, readonly system: string }>()
export const maxParts = 1000
/** The browser family of a device, without its version; `''` if unknown. */
export function browserOf (device: string | null): string {
  return partsOf(device ?? '').browser
}
/** The operating system of a device; `''` if unknown. */
export function systemOf (device: string | null): string {
  return partsOf(device ?? '').system
}
/** Many sessions have few devices: each is taken apart once. */
function partsOf (device: string): { readonly browser: string; readonly system: string } {
  const known = parts.get(device)
  if (known !== undefined) return known
  const [browser = '', system = ''] = device.split('|')
  const found = { browser: browser.replace(/ [\d.]+$/, ''), system }
  if (parts.size >= maxParts) parts.clear()
  parts.set(device, found)
  return found
}
/** desktop, mobile, tablet, tool, … or empty. */
export function deviceType (device: string | null): string {
  return (device ?? '').split('|')[2] ?? ''
}
