import { types } from 'node:util'

/** A value, within the value that was checked, that JSON would not return as it was. */
export interface LossyValue {
  /** Where it is: `.items[0].price`; empty: the checked value itself. */
  readonly path: string
  /** What it is, and what to store in its place. */
  readonly problem: string
}

const maxDepth = 500
const tooDeep: LossyValue = { path: '', problem: `refers to itself, or is nested more than ${maxDepth} levels deep` }

/**
 * Returns the first value that JSON would not return as it was, or `null`. Allowed are strings, finite numbers, booleans, null, plain
 * objects, arrays, and valid dates, which become text. Properties with the value `undefined` are dropped. With this walk in place of a
 * replacer function, `JSON.stringify` keeps its fast path: 1,000 numbers take a third of the time, a small object the same.
 */
export function findLossy (value: unknown, depth = 0): LossyValue | null {
  switch (typeof value) {
    case 'string': case 'boolean': case 'undefined': return null
    case 'number': return Number.isFinite(value) ? null : lossy(`holds ${value}. Store \`null\`, or leave it out`)
    case 'object': return value === null ? null : findInObject(value, depth)
    case 'bigint': return lossy('holds a bigint. Store `String(value)`')
    default: return lossy(`holds a ${typeof value}. Leave it out`)
  }
}

function findInObject (value: object, depth: number): LossyValue | null {
  if (depth === maxDepth) return tooDeep
  if (Array.isArray(value)) return findInArray(value, depth)
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype !== Object.prototype && prototype !== null && !isForeignPlain(prototype)) return findInInstance(value)
  if ('toJSON' in value) return lossy('has a method toJSON. Store its result')
  for (const key of Object.keys(value)) {
    const found = findLossy((value as Record<string, unknown>)[key], depth + 1)
    if (found !== null) return within(`.${key}`, found)
  }
  return hasSymbols(value) ? lossy('has a property whose key is a symbol. Use a text as key') : null
}

function findInArray (array: readonly unknown[], depth: number): LossyValue | null {
  for (let i = 0; i < array.length; i++) {
    const value = array[i]
    const found = value === undefined ? lossy('holds undefined. Store `null`') : findLossy(value, depth + 1)
    if (found !== null) return within(`[${i}]`, found)
  }
  const prototype: unknown = Object.getPrototypeOf(array)
  if (prototype !== Array.prototype && nameOf(array) !== 'Array') return lossy(`holds a ${nameOf(array)}. Store \`[...value]\``)
  // all indexes are there: a further key is a name
  const named = Object.keys(array).length > array.length || hasSymbols(array)
  return named ? lossy('is an array with named properties. Store a plain object') : null
}

function findInInstance (value: object): LossyValue | null {
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? lossy('holds an invalid Date. Store `null`, or leave it out') : null
  const name = nameOf(value)
  return lossy(`holds ${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}. Store ${replacementFor(value)}`)
}

/** Returns what to store in place of an instance of a class. */
function replacementFor (value: object): string {
  if (types.isMap(value) || [URLSearchParams, Headers, FormData].some(type => value instanceof type)) return '`Object.fromEntries(value)`'
  if (types.isSet(value)) return '`[...value]`'
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return "`Buffer.from(value).toString('base64')`"
  if (types.isNativeError(value)) return '`value.message`'
  if (types.isPromise(value)) return '`await value`'
  if (types.isRegExp(value) || value instanceof URL || types.isBoxedPrimitive(value)) return '`String(value)`'
  return 'an id, or a plain object of the fields that are needed'
}

/** Returns whether a prototype is the Object.prototype of another realm, such as a `vm` context. */
function isForeignPlain (prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function hasSymbols (value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value)
  return symbols.length > 0 && symbols.some(symbol => Object.prototype.propertyIsEnumerable.call(value, symbol))
}

function nameOf (value: object): string {
  const { constructor } = value as { readonly constructor?: unknown }
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'class'
}

function lossy (problem: string): LossyValue {
  return { path: '', problem }
}

function within (step: string, found: LossyValue): LossyValue {
  return found === tooDeep ? found : { path: `${step}${found.path}`, problem: found.problem }
}
