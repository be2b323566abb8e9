export { hasText } from '@parley/protocol'
export type {
  ClientOptions,
  ConversationMethods,
  DraftMethods,
  MessageDraft,
  MessageMethods,
  ParleyClient,
  ParticipantMethods,
  PresenceMethods,
  ReadMethods,
  SessionMethods,
  TypingMethods,
  UserMethods,
} from './api.ts'
export { createClient } from './client.ts'
export type { Clock, Random } from './clock.ts'
export { type Kept, memoryStorage, type OutboxStorage } from './outbox-storage.ts'
export { type Row, type RowStatus, selectRows } from './rows.ts'
export {
  isTeam,
  listKey,
  type Readers,
  selectAudience,
  selectDraft,
  selectFound,
  selectPresence,
  selectReaders,
  selectTitle,
  selectTyping,
  selectUnreadTotal,
} from './selectors.ts'
export type {
  Connection,
  ConversationList,
  ListFilter,
  ParticipantList,
  Pending,
  Presence,
  Session,
  State,
  Timeline,
  Typist,
} from './state.ts'
export type { Store } from './store.ts'
