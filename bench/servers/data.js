/** A user as apps keep one in a session: about 150 bytes of JSON. */
export function userOf (i) {
  return {
    id: `user ${i}`,
    email: `someone.${i}@example.com`,
    name: 'Some One',
    roles: ['reader', 'writer'],
    locale: 'en-GB',
    theme: 'dark',
    plan: 'team'
  }
}

/** The same user and four more keys: about 2 KB of JSON in all. */
export function keysOf (i) {
  return {
    user: userOf(i),
    cart: Array.from({ length: 8 }, (_, n) => ({ sku: `article-${i + n}`, title: 'A thing to buy', quantity: n + 1, price: 19.9 })),
    filters: Array.from({ length: 10 }, (_, n) => ({ field: `field${n}`, from: n, to: n * 10 })),
    seen: Array.from({ length: 90 }, (_, n) => i + n),
    draft: `${i} ${'a draft of some text '.repeat(20)}`
  }
}
