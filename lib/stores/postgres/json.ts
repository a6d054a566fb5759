/**
 * PostgreSQL stores no NUL and no lone surrogate in text. They are written as U+FFFF (never a character) and four digits. Any text of a
 * browser or an app is therefore stored unchanged, and causes no error.
 */
export function encodeText (text: string): string {
  if (!text.includes('\0') && !odd.test(text)) return text
  return text.replace(everyOdd, hex).replaceAll('\0', `${lead}0000`)
}

/** Returns the text that `encodeText` was given. */
export function decodeText (text: string): string {
  return text.includes(lead) ? text.replace(/\uffff([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16))) : text
}

/**
 * Returns a request as the text that this package's SQL functions take, with all strings encoded. Keys are encoded in `data` only, because
 * all other keys are fixed.
 */
export function toRequest (request: object): string {
  const text = JSON.stringify(request)
  // JSON escapes NUL and lone surrogates: without such an escape, no string needs a check
  if (!text.includes('\\u0000') && !text.includes('\\ud') && !text.includes(lead)) return text
  return JSON.stringify(request, (_, value: unknown) => typeof value === 'string' ? encodeText(value) : value)
}

/** Parses a reply of this package's SQL functions, and decodes its strings. */
export function fromReply (text: string): unknown {
  return text.includes(lead)
    ? JSON.parse(text, (_, value: unknown) => typeof value === 'string' ? decodeText(value) : value)
    : JSON.parse(text)
}

const lead = '\uffff'
const odd = /[\p{Surrogate}\uffff]/u
const everyOdd = /[\p{Surrogate}\uffff]/gu

function hex (char: string): string {
  return lead + char.charCodeAt(0).toString(16).padStart(4, '0')
}
