// a worker of node:cluster: test/manager/options.test.ts forks it
import { SessionManager } from '../../lib/manager/manager.ts'

const warnings: string[] = []
const manager = new SessionManager({ secret: 'a secret of the tests, long enough', warn: message => { warnings.push(message) } })
await manager.open()
await manager.close()
process.send?.(warnings, undefined, undefined, () => { process.disconnect() })
