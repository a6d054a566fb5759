import { unknownDevice } from '../../lib/model/device.ts'
import { noData } from '../../lib/model/record.ts'
import type { SessionRecord } from '../../lib/model/record.ts'

/** A plain record of ada: everything at time 0, without a client and without data. */
export function plainRecord (fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: 'AAAAAAAAAAAAAAAAAAAAAA',
    userId: 'ada',
    generation: 0,
    hash: '',
    previousHash: null,
    rotatedAt: 0,
    confirmedAt: null,
    createdAt: 0,
    authenticatedAt: 0,
    methods: [],
    lastSeenAt: 0,
    idleTimeout: 1000,
    absoluteExpiresAt: 5000,
    requestCount: 0,
    remembered: false,
    ip: null,
    userAgent: null,
    firstIp: null,
    firstUserAgent: null,
    device: unknownDevice,
    deviceName: null,
    data: noData,
    ...fields
  }
}
