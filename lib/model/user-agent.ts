import Bowser from 'bowser'
import { toDevice, unknownDevice } from './device.ts'
import type { Device } from './device.ts'
import { parsedOnce } from './parsed-texts.ts'

/** A user agent is cut to this size before it is parsed (CVE-2022-25927 and others: parsers that take quadratic time). */
const maxBytes = 512
const deviceOfAgent = parsedOnce(agent => toDevice(parseAgent(agent)))

/** Returns the stored form of a user-agent header: at most 512 bytes, no control characters; `null` if it is empty. */
export function sanitizeUserAgent (header: string | undefined): string | null {
  if (header === undefined || header === '') return null
  // nearly all are ASCII, short and trimmed
  if (header.length <= maxBytes && /^[!-~](?:[ -~]*[!-~])?$/.test(header)) return header
  const text = cutToBytes(header, maxBytes).replace(/[\p{Cc}\u2028\u2029]/gu, '').trim()
  return text === '' ? null : text
}

/** Returns the device of a user agent; all parts are `null` without one. Frozen, because sessions share it. */
export function deviceOf (agent: string | null): Device {
  return agent === null ? unknownDevice : deviceOfAgent(agent)
}

/** Returns the stored text of a user agent's device: `browser|os|type`. About 10 µs. */
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
  // a code point that the cut splits becomes U+FFFD, which is removed, too
  return buffer.toString('utf8', 0, bytes).replace(/\ufffd+$/, '')
}
