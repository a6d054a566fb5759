import { checkSize, decodeValue, encodeValue } from '../model/data.ts'
import { noData } from '../model/record.ts'
import type { EncodedData } from '../model/record.ts'
import { reservedKeys } from './session-api.ts'

/** The object that handlers hold: its own properties are the data. */
type Own = Record<string, unknown>

/** The difference between the object and the stored data. */
export interface DataChanges {
  readonly set: EncodedData
  readonly unset: readonly string[]
  /** The whole data after the write. */
  readonly all: EncodedData
}

/**
 * Holds the object whose own properties are the data, and the stored data that it is compared with. A write contains the changes of the
 * moment when it starts. The handler may change the object meanwhile: the next write contains those changes. One write at a time.
 */
export class TrackedData <T extends Own = Own> {
  readonly object: T
  #stored: EncodedData = noData

  constructor (object: T) {
    this.object = object
  }

  /**
   * Replaces the object's data with stored data. Keys in `newer` keep the object's value: a difference from the stored data is a change.
   */
  load (data: EncodedData, newer: readonly string[] = []): void {
    const object: Own = this.object
    this.drop(newer)
    this.#stored = noData
    if (data === noData) return
    const stored: Record<string, string> = Object.create(null) as Record<string, string>
    for (const key of Object.keys(data)) {
      if (reservedKeys.has(key)) continue
      const text = data[key] as string
      stored[key] = text
      if (!newer.includes(key)) object[key] = decodeValue(text)
    }
    this.#stored = stored
  }

  /**
   * Returns how the object differs from the stored data; `null`: it does not. Throws `FST_SESSION_INVALID_DATA` for what JSON cannot hold,
   * and `FST_SESSION_DATA_TOO_LARGE`.
   */
  changes (): DataChanges | null {
    const stored = this.#stored
    const keys = Object.keys(this.object)
    // most sessions have no data, and cost no allocation here
    if (keys.length === 0 && stored === noData) return null
    let set: Record<string, string> | null = null
    let unset: string[] | null = null
    for (const key of keys) {
      const text = encodeValue(key, this.object[key])
      if (text === stored[key]) continue
      if (text === undefined) (unset ??= []).push(key)
      else (set ??= Object.create(null) as Record<string, string>)[key] = text
    }
    for (const key of Object.keys(stored)) {
      if (!Object.hasOwn(this.object, key)) (unset ??= []).push(key)
    }
    if (set === null && unset === null) return null
    const all = apply(stored, set ?? noData, unset ?? [])
    checkSize(all)
    return { set: set ?? noData, unset: unset ?? [], all }
  }

  /** The changes of a write without a difference. */
  get unchanged (): DataChanges { return { set: noData, unset: [], all: this.#stored } }

  /** Records that the store has these changes now. */
  applied ({ all }: DataChanges): void {
    this.#stored = all
  }

  /** Deletes all properties but these. */
  drop (kept: readonly string[]): void {
    for (const key of Object.keys(this.object)) if (!kept.includes(key)) Reflect.deleteProperty(this.object, key)
  }

  /** Returns the properties that exist, of the names given. */
  pick (keys: readonly string[]): Own {
    return Object.fromEntries(keys.filter(key => Object.hasOwn(this.object, key)).map(key => [key, this.object[key]]))
  }

  /** Returns a shallow copy, for `changedSince`. */
  copy (): Own { return { ...this.object } }

  /** Returns the keys that were set or deleted since the copy was made. */
  changedSince (copy: Own): string[] {
    const { object } = this
    const same = (key: string): boolean => Object.hasOwn(copy, key) && Object.hasOwn(object, key) && Object.is(copy[key], object[key])
    return Object.keys({ ...copy, ...object }).filter(key => !same(key))
  }
}

function apply (stored: EncodedData, set: EncodedData, unset: readonly string[]): EncodedData {
  const all = Object.assign(Object.create(null) as Record<string, string>, stored, set)
  for (const key of unset) Reflect.deleteProperty(all, key)
  return Object.keys(all).length === 0 ? noData : Object.freeze(all)
}
