/**
 * PostgreSQL keeps no NUL and no half of a surrogate pair in text. They are written as U+FFFF (never a character) and four digits, so that
 * whatever a browser or an app comes up with is kept as it is, and breaks nothing.
 */
export function encodeText (text: string): string {
  if (!text.includes('\0') && !odd.test(text)) return text
  return text.replace(everyOdd, hex).replaceAll('\0', `${lead}0000`)
}

/** What `encodeText` was given. */
export function decodeText (text: string): string {
  return text.includes(lead) ? text.replace(/\uffff([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16))) : text
}

/** A request as the text that our functions take, all its strings encoded. Keys are encoded in `data` only: elsewhere they are ours. */
export function toRequest (request: object): string {
  const text = JSON.stringify(request)
  // JSON has NUL and halves of surrogate pairs in escapes: without one of these, no string needs to be looked at
  if (!text.includes('\\u0000') && !text.includes('\\ud') && !text.includes(lead)) return text
  return JSON.stringify(request, (_, value: unknown) => typeof value === 'string' ? encodeText(value) : value)
}

/** Parses a reply of our SQL functions, and decodes its strings. */
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
