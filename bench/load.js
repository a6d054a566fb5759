import { connect } from 'node:net'

/**
 * Sends requests over keep-alive connections, one at a time on each, and waits for every answer. A raw client, so that one core of it
 * keeps one core of a server busy.
 *
 * @param {{ port: number, requests: string[], connections?: number, seconds?: number, awake?: boolean, onAnswer?: (index: number, head: string) => void }} options
 *   `seconds`: goes round and round for so long; absent: sends each request once. `awake`: never sleeps: to wake the client would be the
 *   server's work, some microseconds a request on a virtual machine, and more often the slower the server is
 * @returns {Promise<{ answers: number, failures: number, seconds: number }>} failures: answers that are not 2xx
 */
export async function load ({ port, requests, connections = 64, seconds, awake = false, onAnswer }) {
  const run = { port, requests, onAnswer, sent: 0, answers: 0, failures: 0, over: false }
  const started = performance.now()
  const timer = seconds === undefined ? undefined : setTimeout(() => { run.over = true }, seconds * 1000)
  run.total = seconds === undefined ? requests.length : Infinity
  const rest = stayAwake(awake)
  await Promise.all(Array.from({ length: Math.min(connections, run.total) }, () => converse(run)))
  rest()
  clearTimeout(timer)
  return { answers: run.answers, failures: run.failures, seconds: (performance.now() - started) / 1000 }
}

/** Keeps the event loop turning until what it answers is called. */
function stayAwake (awake) {
  const turn = () => { if (awake) setImmediate(turn) }
  turn()
  return () => { awake = false }
}

/** The text of a request. */
export function request (method, path, { cookie, body } = {}) {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: localhost', 'Connection: keep-alive', 'Accept: application/json',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0']
  if (cookie !== undefined) lines.push(`Cookie: ${cookie}`)
  if (body === undefined) return `${lines.join('\r\n')}\r\n\r\n`
  const text = JSON.stringify(body)
  return `${[...lines, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`].join('\r\n')}\r\n\r\n${text}`
}

/** One connection's part of a run. */
function converse (run) {
  return new Promise((resolve, reject) => {
    let index = 0
    let rest = ''
    const socket = connect({ port: run.port, host: '127.0.0.1', noDelay: true, onread: { buffer: Buffer.allocUnsafe(65_536), callback } })
    socket.on('connect', next)
    socket.on('error', reject)
    socket.on('close', resolve)

    function next () {
      if (run.over || run.sent >= run.total) { socket.end(); return }
      index = run.sent++ % run.requests.length
      socket.write(run.requests[index], 'latin1')
    }

    function callback (length, buffer) {
      rest += buffer.latin1Slice(0, length)
      const head = rest.indexOf('\r\n\r\n')
      if (head === -1 || rest.length < head + 4 + bodyLength(rest, head)) return true
      run.answers++
      if (rest.charCodeAt(9) !== 0x32) run.failures++
      run.onAnswer?.(index, rest)
      rest = ''
      next()
      return true
    }
  })
}

/** What Content-Length says; 0 without one. A chunked body counts as far as it came with its head. */
function bodyLength (text, head) {
  const at = text.indexOf('ontent-')
  const name = at === -1 || at > head ? -1 : text.search(/content-length: /i)
  return name === -1 || name > head ? 0 : parseInt(text.slice(name + 16, name + 26), 10)
}
