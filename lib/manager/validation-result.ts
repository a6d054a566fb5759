import type { EndReason, SessionRecord } from '../model/record.ts'

/** Why a presented token opens nothing. `ended`: what is left of its session, if it had one. */
export class Refusal {
  readonly code: 'ended' | 'superseded' | 'unknown'
  readonly reason: EndReason | null
  constructor (code: Refusal['code'], reason: EndReason | null) {
    this.code = code
    this.reason = reason
  }
}
/** The session is live, and its browser must get this token from now on. */
export class Renewal {
  readonly record: SessionRecord
  readonly token: string
  constructor (record: SessionRecord, token: string) {
    this.record = record
    this.token = token
  }
}
/** What a validation answers: the live session, the live session with its next token, or why there is none. */
export type Validation = SessionRecord | Renewal | Refusal
/** How many presented tokens were judged, by result. */
export type ValidationCounts = Record<'accepted' | 'renewed' | 'ended' | 'reused' | 'superseded' | 'unknown', number>
