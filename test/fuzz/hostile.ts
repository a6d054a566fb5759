/** What breaks parsers: controls, separators, half characters, prototypes, formats of formats, and much of anything. */
const nasty = [
  '',
  ' ',
  '\0',
  '\r\n',
  '\n',
  '\t',
  ';',
  '; ',
  '=',
  ',',
  '"',
  '\\',
  '|',
  '/',
  '//',
  '.',
  '..',
  '%',
  '%00',
  '%ff',
  '%F0%9F',
  '&',
  '?',
  '#',
  ':',
  '::',
  '[',
  ']',
  '{',
  '}',
  '-',
  '_',
  '+',
  '~',
  '\u00a0',
  '\u2028',
  '\ufeff',
  '\u0085',
  'é',
  'ß',
  'İ',
  '😀',
  '\ud800',
  '\udfff',
  '\uffff',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'true',
  'NaN',
  'Infinity',
  '-0',
  '1e309',
  '9007199254740993',
  '0x10',
  '08',
  '1e-7',
  '-1',
  '2147483648',
  '0.1',
  '<script>',
  '{{x}}',
  "' or 1=1 --",
  '*',
  '(a+)+$',
  '../../etc/passwd',
  '=cmd()',
  '@',
  '$where',
  '{"$gt":""}',
  '1970-01-01',
  '2026-13-45T99:99:99Z',
  '+275760-09-13T00:00:00.000Z',
  '0.0.0.0/0',
  '::/0',
  '::ffff:1.2.3.4',
  'fe80::1%eth0',
  '1.2.3.4:80',
  '[::1]:80',
  'unknown',
  '_hidden',
  '300.1.1.1'
]

/** Hostile texts, from good ones: cut, repeated, spoiled, mixed. Repeated by its random numbers. */
export class Hostile {
  readonly #random: () => number

  constructor (random: () => number) {
    this.#random = random
  }

  below (count: number): number { return Math.floor(this.#random() * count) }
  one <T>(items: readonly [T, ...T[]]): T { return items[this.below(items.length)] ?? items[0] }
  chance (of: number): boolean { return this.below(of) === 0 }

  /** A text like one of these, or unlike any. */
  text (good: readonly [string, ...string[]]): string {
    let text = this.chance(8) ? this.noise() : this.one(good)
    for (let spoils = this.below(4); spoils > 0; spoils--) text = this.#spoil(text, good)
    return text.slice(0, 20_000)
  }

  /** As `text`, of what a header may hold: Node refuses the rest before any code of ours. */
  header (good: readonly [string, ...string[]]): string { return this.text(good).replace(/[^\t\x20-\x7e\x80-\xff]/g, '').trim() }

  noise (): string {
    let text = ''
    for (let length = this.below(40); length > 0; length--) {
      text += this.chance(4)
        ? (nasty[this.below(nasty.length)] ?? '')
        : String.fromCharCode(this.chance(3) ? this.below(0x10000) : this.below(0x80))
    }
    return text
  }

  /** Any JSON value, seldom what was wanted. */
  value (depth = 0): unknown {
    switch (this.below(depth > 3 ? 7 : 9)) {
      case 0: return null
      case 1: return this.chance(2)
      case 2: return this.one([0, -1, 1.5, 1e21, -0, 2 ** 53, 2 ** 31, Number.MIN_VALUE])
      case 3: return this.below(1_000_000)
      case 4: case 5: case 6: return this.text(['ada', 'all', 'others', '2026-01-01'])
      case 7: return Array.from({ length: this.below(4) }, () => this.value(depth + 1))
      default: return this.object(depth)
    }
  }

  /** An object with some of these keys. */
  object (depth = 0, keys: readonly string[] = ['id', 'scope', 'name']): Record<string, unknown> {
    return Object.fromEntries(
      Array.from({ length: this.below(5) }, () => [
        this.chance(5) ? this.noise() : (keys[this.below(keys.length)] ?? ''),
        this.value(depth + 1)
      ])
    )
  }

  #spoil (text: string, good: readonly [string, ...string[]]): string {
    const at = this.below(text.length + 1)
    switch (this.below(8)) {
      case 0: return text.slice(0, at)
      case 1: return text.slice(at)
      case 2: return text.slice(0, at) + this.noise() + text.slice(at)
      case 3: return text.slice(0, at) + (nasty[this.below(nasty.length)] ?? '') + text.slice(at)
      case 4: return text.slice(0, at) + String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << this.below(8))) + text.slice(at + 1)
      case 5: return text + this.one(['; ', ';', '&', ',', '']) + this.one(good)
      case 6: return (this.chance(20) ? text.slice(0, 100).repeat(this.below(100)) : text + text).slice(0, 20_000)
      default: return this.chance(2) ? text.toUpperCase() : Array.from(text).reverse().join('')
    }
  }
}
