import type { EndReason, SessionRecord } from '../model/record.ts'

/** Why a presented token cannot authenticate. `reason`: why its session ended, if that is known. */
export class Rejection {
  readonly code: 'ended' | 'superseded' | 'unknown'
  readonly reason: EndReason | null
  constructor (code: Rejection['code'], reason: EndReason | null) {
    this.code = code
    this.reason = reason
  }
}
/** A live session whose browser must receive this token. */
export class Rotation {
  readonly record: SessionRecord
  readonly token: string
  constructor (record: SessionRecord, token: string) {
    this.record = record
    this.token = token
  }
}
/** The result of a validation: the live session, the live session with its next token, or why the token cannot authenticate. */
export type Validation = SessionRecord | Rotation | Rejection
/** The number of validated tokens by result. */
export type ValidationCounts = Record<'accepted' | 'renewed' | 'ended' | 'reused' | 'superseded' | 'unknown', number>
