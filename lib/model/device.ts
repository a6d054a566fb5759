import { parsedOnce } from './parsed-texts.ts'

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

const deviceTexts = new WeakMap<Device, string | null>()

const parseDevice = parsedOnce((text): Device => {
  const [name = '', os = '', type = ''] = text.split('|')
  const [, family = '', version = ''] = /^(.*?)(?: ([\d.]+))?$/s.exec(name) as RegExpExecArray
  return Object.freeze({ browser: family || null, version: version || null, os: os || null, type: type || null })
})

/** Returns the device of a stored text, such as `Firefox 144|Linux|desktop`. Frozen, because sessions share it. */
export function toDevice (text: string | null): Device {
  return text === null || text === '' || text === '||' ? unknownDevice : parseDevice(text)
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
