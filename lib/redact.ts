/** What follows `://` and ends with an `@`: the credentials of a connection string. */
const credentials = /:\/\/\S+@/g

/**
 * An error of a driver as it may be kept as a cause and logged: name, code, message and stack, also of its causes. Without the credentials
 * of a connection string, and without the arguments that drivers hang on (OWASP ASVS 5.0 16.2.5).
 */
export function withoutCredentials (error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const clean = new Error(masked(message), cause === undefined ? undefined : { cause: withoutCredentials(cause) })
  clean.name = name
  clean.stack = masked(stack ?? message)
  return 'code' in error ? Object.assign(clean, { code: error.code }) : clean
}

function masked (text: string): string {
  return text.replace(credentials, '://***@')
}
