import { noData } from '../dist/lib/model/record.js'
import { hashVerifier, newId, newVerifier, shardOf } from '../dist/lib/token/token.js'

export const day = 86_400_000
const userAgent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

/** Returns the record of a session that starts now; `fields` replace its own. `userId`: `null` for a guest. */
export function newRecord (userId, fields = {}) {
  const { createdAt = Date.now(), ip = '203.0.113.77' } = fields
  return {
    id: newId(userId === null ? Math.floor(Math.random() * 256) : shardOf(userId), createdAt),
    userId,
    generation: 0,
    hash: hashVerifier(newVerifier()),
    previousHash: null,
    rotatedAt: createdAt,
    confirmedAt: null,
    createdAt,
    authenticatedAt: userId === null ? null : createdAt,
    methods: userId === null ? [] : ['password'],
    lastSeenAt: createdAt,
    idleTimeout: day / 48,
    absoluteExpiresAt: createdAt + day / 2,
    requestCount: 0,
    remembered: false,
    ip,
    userAgent,
    firstIp: ip,
    firstUserAgent: userAgent,
    device: { browser: 'Chrome', version: '140', os: 'Windows', type: 'desktop' },
    deviceName: null,
    data: noData,
    ...fields
  }
}
