const kept = 4096

/**
 * Texts that many sessions have in common (agents, devices, addresses), as one string each. What has not come again for thousands of other
 * texts is forgotten, so that texts made up by clients cost no more than the sessions that have them.
 */
export class Texts {
  #young = new Map<string, string>()
  #old = new Map<string, string>()

  /** The same text, as the string that others have. */
  share <T extends string | null> (text: T): T {
    if (text === null) return text
    const known = this.#young.get(text)
    return (known ?? this.#remember(this.#old.get(text) ?? text)) as T
  }

  #remember (text: string): string {
    if (this.#young.size >= kept) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(text, text)
    return text
  }
}
