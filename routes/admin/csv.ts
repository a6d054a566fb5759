/**
 * One line of a table, with its end (RFC 4180). A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP
 * ASVS 5.0 1.2.10): user agents and names come from untrusted clients.
 */
export function csvLine (values: readonly unknown[]): string {
  return `${values.map(toCell).join(',')}\r\n`
}

function toCell (value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') return ''
  return `"${(/^[=+\-@\t\r\n\0]/.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`
}
