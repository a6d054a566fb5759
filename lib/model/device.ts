/** The device according to the user agent header. `null`: unknown. */
export interface Device {
  /** Family without its version: `Firefox`. */
  readonly browser: string | null
  /** Major version: `144`. */
  readonly version: string | null
  /** Operating system: `Linux`, `iPhone`. */
  readonly os: string | null
  /** `desktop`, `mobile`, `tablet`, `tool`, … */
  readonly type: string | null
}

const parsedDevices = new Map<string, Device>()
const maxParsedDevices = 1000

/** Returns the parts of a stored device text. All of them are `null` if there is no text. Frozen, because callers share it. */
export function toDevice (text: string | null): Device {
  // many sessions share few devices: each text is parsed once
  const known = parsedDevices.get(text ?? '')
  if (known !== undefined) return known
  const [name = '', os = '', type = ''] = (text ?? '').split('|')
  const [, family = '', version = ''] = /^(.*?)(?: ([\d.]+))?$/.exec(name) as RegExpExecArray
  const device = Object.freeze({ browser: family || null, version: version || null, os: os || null, type: type || null })
  if (parsedDevices.size >= maxParsedDevices) parsedDevices.clear()
  parsedDevices.set(text ?? '', device)
  return device
}

/** Returns a label of a device for users: `Firefox on Linux`, `Command-line client`, `Unknown device`. */
export function deviceLabel (text: string | null): string {
  const { browser, os, type } = toDevice(text)
  if (type === 'tool') return 'Command-line client'
  return [browser, os].filter(part => part !== null).join(' on ') || 'Unknown device'
}

/** Returns the text that a record stores for a device; `null` if all parts are unknown. */
export function toDeviceText ({ browser, version, os, type }: Device): string | null {
  const text = [[browser, version].filter(part => part !== null).join(' '), os ?? '', type ?? ''].join('|')
  return text === '||' ? null : text
}

/** Returns the browser family of a stored device text without its version; `''` if unknown. */
export function browserOf (text: string | null): string {
  return toDevice(text).browser ?? ''
}

/** Returns the operating system of a stored device text; `''` if unknown. */
export function osOf (text: string | null): string {
  return toDevice(text).os ?? ''
}
