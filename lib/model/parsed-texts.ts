/** Of more texts, all are parsed again: what clients make up must not fill the memory. */
const most = 1000

/** Returns a function that parses each text once, for texts that many sessions share: they get the same value. */
export function parsedOnce <V extends object> (parse: (text: string) => V): (text: string) => V {
  const parsed = new Map<string, V>()
  return text => {
    const known = parsed.get(text)
    if (known !== undefined) return known
    const value = parse(text)
    if (parsed.size >= most) parsed.clear()
    parsed.set(text, value)
    return value
  }
}
