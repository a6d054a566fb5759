/** Texts of a page by key. `{name}` is filled in; a count picks `key.one`, `key.few`, … by the plural rules of the language, or `key.other`. */
export type Texts = Readonly<Record<string, string>>

type Values = Readonly<Record<string, string | number>>

/** Returns texts, numbers and dates in the language of the page. */
export interface Words {
  readonly lang: string
  readonly say: (key: string, values?: Values) => string
  /** Whether a text with this key exists. */
  readonly has: (key: string) => boolean
  /** `1,284`. */
  readonly number: (value: number) => string
  /** `12 minutes ago`. */
  readonly ago: (timestamp: number, now: number) => string
  /** A short duration: `12 min`, `3 h`, `8 d`. */
  readonly span: (length: number) => string
  /** `Nov 23, 2026`. */
  readonly date: (timestamp: number) => string
  /** `Nov 23, 18:54:02`. */
  readonly moment: (timestamp: number) => string
  /** `18:54:02`. */
  readonly time: (timestamp: number) => string
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** Returns the texts, overridden key by key by those of the app. */
export function toWords (texts: Texts, own: Texts, lang: string): Words {
  const all = new Map([...Object.entries(texts), ...Object.entries(own)])
  const plural = new Intl.PluralRules(lang)
  const numbers = new Intl.NumberFormat(lang)
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' })
  const formats = {
    date: new Intl.DateTimeFormat(lang, { dateStyle: 'medium' }),
    moment: new Intl.DateTimeFormat(lang, {
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23'
    }),
    time: new Intl.DateTimeFormat(lang, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
  }
  const units = { minute: '{value} min', hour: '{value} h', day: '{value} d' }
  const short = (unit: 'minute' | 'hour' | 'day', value: number): string =>
    (all.get(`span.${unit}`) ?? units[unit]).replace('{value}', numbers.format(value))
  return {
    lang,
    has: key => all.has(key),
    say (key, values = {}) {
      const { count } = values
      const text =
        (typeof count === 'number' ? (all.get(`${key}.${plural.select(count)}`) ?? all.get(`${key}.other`)) : undefined) ??
        all.get(key) ??
        key
      return text.replace(/\{(\w+)\}/g, (_, name: string) => {
        const value = values[name] ?? ''
        return typeof value === 'number' ? numbers.format(value) : value
      })
    },
    number: value => numbers.format(value),
    ago (timestamp, now) {
      const length = timestamp - now
      if (Math.abs(length) < minute && all.has('ago.now')) return all.get('ago.now') as string
      const [unit, size] =
        Math.abs(length) < hour
          ? (['minute', minute] as const)
          : Math.abs(length) < day
            ? (['hour', hour] as const)
            : Math.abs(length) < 30 * day
              ? (['day', day] as const)
              : (['month', 30 * day] as const)
      return relative.format(Math.trunc(length / size), unit)
    },
    span: length => length < hour ? short('minute', Math.max(0, Math.floor(length / minute))) : length < 2 * day ? short('hour', Math.floor(length / hour)) : short('day', Math.floor(length / day)),
    date: timestamp => format(formats.date, timestamp),
    moment: timestamp => format(formats.moment, timestamp).replace(/:00$/, ''),
    time: timestamp => format(formats.time, timestamp)
  }
}

/** Returns a dash for an invalid timestamp, such as a mistyped filter. */
function format (dates: Intl.DateTimeFormat, timestamp: number): string {
  return Math.abs(timestamp) <= 8.64e15 ? dates.format(timestamp) : '–'
}

/** Parses the texts of an attribute, a JSON object. Invalid JSON is ignored: a page with English texts is better than no page. */
export function readTexts (json: string | null): Texts {
  try {
    const value: unknown = JSON.parse(json ?? '{}')
    return typeof value === 'object' && value !== null ? value as Texts : {}
  } catch {
    return {}
  }
}
