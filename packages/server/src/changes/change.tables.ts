import type { Audience, EventType } from '@parley/protocol'

/** A row of the change log. */
export interface ChangeRow {
  readonly seq: number
  readonly public_seq: number | null
  readonly type: EventType
  readonly actor_id: string
  readonly entity_id: string
  readonly audience: Audience
  readonly created_at: string
}

/** The columns of a {@link ChangeRow}. */
export const changeColumns = 'seq, public_seq, type, actor_id, entity_id, audience, created_at'
