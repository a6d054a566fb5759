import type { ServerResponse } from 'node:http'

/**
 * Calls a function once, right before the head of a response is sent, with every header in `response`: also those that Fastify, a hook, or
 * an app that writes to the raw response passes to `writeHead`.
 */
export function beforeHead (response: ServerResponse, complete: () => void): void {
  const writeHead = response.writeHead.bind(response)
  response.writeHead = function sessionWriteHead (status: number, ...rest: unknown[]): ServerResponse {
    const headers = rest.at(-1)
    if (typeof headers === 'object' && headers !== null) {
      setHeaders(response, headers)
      rest.pop()
    }
    complete()
    response.writeHead = writeHead
    return writeHead(status, ...rest as [])
  }
}

/** Sets headers as `writeHead` takes them: an object, or a list of names and values in turn. */
function setHeaders (response: ServerResponse, headers: object): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value as string)
    return
  }
  const flat = headers.flat() as string[]
  const pairs = flat.flatMap((name, i) => i % 2 === 0 ? [[name, flat[i + 1] as string] as const] : [])
  for (const [name] of pairs) response.removeHeader(name)
  for (const [name, value] of pairs) response.appendHeader(name, value)
}
