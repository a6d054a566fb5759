import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** One connection through the proxy. */
export interface ProxiedConnection {
  /** What the client has sent. */
  sent: string
  /** Nothing goes through any more, in either direction; both sides stay connected, as behind a router that forgot the connection. */
  silent: boolean
}

/** A TCP proxy on a free port of 127.0.0.1 whose connections can fall silent. */
export interface SilentProxy {
  readonly port: number
  readonly connections: ReadonlySet<ProxiedConnection>
  /** Called with each chunk of a client, before it goes on. */
  onSent: ((connection: ProxiedConnection) => void) | null
  close (): Promise<void>
}

export async function silentProxy (target: number): Promise<SilentProxy> {
  const connections = new Set<ProxiedConnection>()
  const sockets = new Set<Socket>()
  const proxy: { onSent: SilentProxy['onSent'] } = { onSent: null }
  const server = createServer(client => {
    const upstream = connect(target, '127.0.0.1')
    const connection = { sent: '', silent: false }
    connections.add(connection)
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => { sockets.delete(from); connections.delete(connection); to.destroy() })
      from.on('data', chunk => {
        if (from === client) {
          connection.sent += chunk.toString('latin1')
          proxy.onSent?.(connection)
        }
        if (!connection.silent) to.write(chunk)
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(proxy, {
    port: (server.address() as AddressInfo).port,
    connections,
    async close () {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    }
  })
}
