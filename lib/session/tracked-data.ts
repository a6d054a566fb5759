import { checkSize, encodeValue, newTexts } from '../model/data.ts'
import { noData } from '../model/record.ts'
import type { EncodedData } from '../model/record.ts'
import { copyValue, isSameValue, noDecodedData } from './decoded-data.ts'
import type { DecodedData } from './decoded-data.ts'

/** The object that handlers hold: its own properties are the data. */
type Own = Record<string, unknown>

const none: readonly string[] = []

/** The difference between the object and the stored data. */
export interface DataChanges {
  readonly set: EncodedData
  readonly unset: readonly string[]
  /** The whole data after the write. */
  readonly all: EncodedData
}

/** Stands for a value that was written and not decoded. */
const unknownValue = Symbol('not decoded')

/**
 * Holds the object whose own properties are the data, and the stored data that it is compared with. A write contains the changes of the
 * moment when it starts. The handler may change the object meanwhile: the next write contains those changes. One write at a time.
 */
export class TrackedData <T extends Own = Own> {
  readonly object: T
  #stored: DecodedData = noDecodedData

  constructor (object: T) {
    this.object = object
  }

  /**
   * Replaces the object's data with stored data. Keys in `newer` keep the object's value: a difference from the stored data is a change.
   */
  load (data: DecodedData, newer: readonly string[] = none): void {
    const object: Own = this.object
    this.drop(newer)
    this.#stored = data
    const { keys, values } = data
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string
      if (newer.length === 0 || !newer.includes(key)) object[key] = copyValue(values[i])
    }
  }

  /**
   * Returns how the object differs from the stored data; `null`: it does not. Throws `FST_SESSION_INVALID_DATA` for what JSON cannot hold,
   * and `FST_SESSION_DATA_TOO_LARGE`.
   */
  changes (): DataChanges | null {
    const { stored, keys, values } = this.#stored
    const own = Object.keys(this.object)
    let known = 0
    let set: Record<string, string> | null = null
    let unset: string[] | null = null
    for (let i = 0; i < own.length; i++) {
      const key = own[i] as string
      const value = this.object[key]
      // most keys are where they were loaded
      const at = keys[i] === key ? i : keys.indexOf(key)
      if (at !== -1) {
        known++
        if (isSameValue(value, values[at])) continue
      }
      const text = encodeValue(key, value)
      if (text === (at === -1 ? undefined : stored[key])) continue
      if (text === undefined) (unset ??= []).push(key)
      else (set ??= newTexts())[key] = text
    }
    if (known < keys.length) {
      for (const key of keys) if (!Object.hasOwn(this.object, key)) (unset ??= []).push(key)
    }
    if (set === null && unset === null) return null
    const all = apply(stored, set ?? noData, unset ?? none)
    checkSize(all)
    return { set: set ?? noData, unset: unset ?? none, all }
  }

  /** The changes of a write without a difference. */
  get unchanged (): DataChanges { return { set: noData, unset: none, all: this.#stored.stored } }

  /** Records that the store has these changes now. */
  applied ({ all }: DataChanges): void {
    const before = this.#stored
    const keys = Object.keys(all)
    const values = keys.map(key => all[key] === before.stored[key] ? before.values[before.keys.indexOf(key)] : unknownValue)
    this.#stored = { stored: all, keys, values }
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
  const all = Object.assign(newTexts(), stored, set)
  for (const key of unset) Reflect.deleteProperty(all, key)
  return Object.keys(all).length === 0 ? noData : Object.freeze(all)
}
