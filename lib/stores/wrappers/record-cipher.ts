import { toDevice, toDeviceText, unknownDevice } from '../../model/device.ts'
import type { Device } from '../../model/device.ts'
import { noData } from '../../model/record.ts'
import type { EncodedData, EndedSession, SessionRecord } from '../../model/record.ts'
import type { StatisticsSlice } from '../../store.ts'
import { isEncrypted } from './field-cipher.ts'
import type { FieldCipher } from './field-cipher.ts'

type Sealable = 'ip' | 'firstIp' | 'userAgent' | 'firstUserAgent'

/** What is encrypted of a session or of its activity, beside data. */
type SealedFields = { readonly id: string, readonly device?: Device | undefined } & { readonly [K in Sealable]?: string | null | undefined }

/** Encrypts and decrypts the texts of sessions and statistics: data always, IP addresses and user agents optionally. */
export class RecordCipher {
  readonly #vault: FieldCipher
  readonly #fields: readonly Sealable[]
  readonly #device: boolean

  constructor (vault: FieldCipher, { ip, userAgent }: { readonly ip: boolean, readonly userAgent: boolean }) {
    this.#vault = vault
    this.#fields = [...ip ? ['ip', 'firstIp'] as const : [], ...userAgent ? ['userAgent', 'firstUserAgent'] as const : []]
    this.#device = userAgent
  }

  /** Whether IP addresses or user agents are encrypted, too. */
  get sealsTexts (): boolean { return this.#fields.length > 0 }

  /** Returns a record as the inner store has it. */
  seal (record: SessionRecord): SessionRecord {
    return { ...this.sealFields(record), data: this.sealData(record.id, record.data) }
  }

  /** Encrypts the optional texts of a record, or of activity. */
  sealFields <T extends SealedFields> (from: T): T {
    const sealed: { -readonly [K in keyof SealedFields]?: SealedFields[K] } = {}
    for (const field of this.#fields) {
      const text = from[field]
      if (text !== undefined && text !== null) sealed[field] = this.#vault.encrypt(text, from.id, field)
    }
    const device = this.#device && from.device !== undefined ? toDeviceText(from.device) : null
    // the store keeps a device as one text: the encrypted one stands where the browser would
    if (device !== null) sealed.device = { ...unknownDevice, browser: this.#vault.encrypt(device, from.id, 'device') }
    return { ...from, ...sealed }
  }

  /** Returns the encrypted data of a session. */
  sealData (id: string, data: EncodedData): EncodedData {
    return mapData(data, (text, key) => this.#vault.encrypt(text, id, `data ${key}`))
  }

  /** Returns the decrypted record. Throws `DecryptionError`. */
  open (record: SessionRecord): SessionRecord {
    const vault = this.#vault
    const opened: Partial<Record<Sealable, string>> & { device?: Device } = {}
    for (const field of this.#fields) {
      const text = record[field]
      if (text !== null) opened[field] = vault.decrypt(text, record.id, field)
    }
    const device = this.#device ? storedText(record.device) : null
    if (device !== null) opened.device = toDevice(vault.decrypt(device, record.id, 'device'))
    return { ...record, ...opened, data: mapData(record.data, (text, key) => vault.decrypt(text, record.id, `data ${key}`)) }
  }

  /** Returns a record for lists, without the texts that cannot be decrypted. The session's next request ends it. */
  readable (record: SessionRecord): SessionRecord {
    try {
      return this.open(record)
    } catch {
      return { ...this.#withoutSealed(record), data: noData }
    }
  }

  /** Returns an ended-session record, without the texts that cannot be decrypted. */
  ended (session: EndedSession): EndedSession {
    const { id, ip } = session
    const device = this.#device ? storedText(session.device) : null
    return {
      ...session,
      ip: ip !== null && this.#fields.includes('ip') ? this.#tryOpen(ip, id, 'ip') : ip,
      device: device === null ? session.device : toDevice(this.#tryOpen(device, id, 'device'))
    }
  }

  /** Statistics contain IP addresses and user agents: they are encrypted if those are. */
  sealSlice (slice: StatisticsSlice): StatisticsSlice {
    return this.sealsTexts ? { ...slice, value: this.#vault.encrypt(slice.value, slice.node, 'slice') } : slice
  }

  /** Returns the decrypted statistics, or `null`. */
  openSlice (slice: StatisticsSlice): StatisticsSlice | null {
    const value = isEncrypted(slice.value) ? this.#tryOpen(slice.value, slice.node, 'slice') : slice.value
    return value === null ? null : { ...slice, value }
  }

  #tryOpen (text: string, id: string, field: string): string | null {
    try {
      return this.#vault.decrypt(text, id, field)
    } catch {
      return null
    }
  }

  #withoutSealed (record: SessionRecord): SessionRecord {
    const device = this.#device ? unknownDevice : record.device
    return { ...record, ...Object.fromEntries(this.#fields.map(field => [field, null])), device }
  }
}

function mapData (data: EncodedData, change: (text: string, key: string) => string): EncodedData {
  const keys = Object.keys(data)
  if (keys.length === 0) return noData
  const changed: Record<string, string> = Object.create(null) as Record<string, string>
  for (const key of keys) changed[key] = change(data[key] as string, key)
  return changed
}

/** The text that the inner store keeps of a device: encrypted, or plain from before encryption; `null` if nothing is known. */
function storedText (device: Device): string | null {
  return isEncrypted(device.browser ?? '') ? device.browser : toDeviceText(device)
}
