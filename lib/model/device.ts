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

/** A device of which nothing is known. */
export const unknownDevice: Device = Object.freeze({ browser: null, version: null, os: null, type: null })

// many sessions have few devices: each text is parsed once
const parsedDevices = new Map<string, Device>()
const maxParsedDevices = 1000
const deviceTexts = new WeakMap<Device, string | null>()

/** Returns the device of a stored text, such as `Firefox 144|Linux|desktop`. Frozen, because sessions share it. */
export function toDevice (text: string | null): Device {
  if (text === null || text === '' || text === '||') return unknownDevice
  const known = parsedDevices.get(text)
  if (known !== undefined) return known
  const [name = '', os = '', type = ''] = text.split('|')
  const [, family = '', version = ''] = /^(.*?)(?: ([\d.]+))?$/s.exec(name) as RegExpExecArray
  const device = Object.freeze({ browser: family || null, version: version || null, os: os || null, type: type || null })
  if (parsedDevices.size >= maxParsedDevices) parsedDevices.clear()
  parsedDevices.set(text, device)
  return device
}

/** Returns the text that stores keep of a device; `null` if nothing is known. */
export function toDeviceText (device: Device): string | null {
  const known = deviceTexts.get(device)
  if (known !== undefined) return known
  const { browser, version, os, type } = device
  const joined = [[browser, version].filter(part => part !== null).join(' '), os ?? '', type ?? ''].join('|')
  const text = joined === '||' ? null : joined
  deviceTexts.set(device, text)
  return text
}

/** Returns a label of a device for users: `Firefox on Linux`, `Command-line client`, `Unknown device`. */
export function deviceLabel ({ browser, os, type }: Device): string {
  if (type === 'tool') return 'Command-line client'
  return [browser, os].filter(part => part !== null).join(' on ') || 'Unknown device'
}
