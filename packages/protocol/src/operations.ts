import type { z } from 'zod'
import { listChanges } from './changes.ts'
import { createConversation, getConversation, listConversations, updateConversation } from './conversations.ts'
import { deleteMessage, editMessage, getMessage, listMessages, sendMessage } from './messages.ts'
import { addParticipant, listParticipants, removeParticipant, updateParticipant } from './participants.ts'
import { markDelivered, markRead } from './reads.ts'
import type { OperationName } from './routes.ts'
import { getStats } from './stats.ts'
import { getMe, listUsers, signIn, signInWithLink, signOut } from './users.ts'

/** Every HTTP operation, by name. */
export const operations = {
  signIn,
  signInWithLink,
  signOut,
  getMe,
  listUsers,
  listConversations,
  createConversation,
  getConversation,
  updateConversation,
  listParticipants,
  addParticipant,
  updateParticipant,
  removeParticipant,
  listMessages,
  sendMessage,
  getMessage,
  editMessage,
  deleteMessage,
  listChanges,
  markRead,
  markDelivered,
  getStats,
} as const satisfies { [Name in OperationName]: { readonly name: Name } }

/** What a caller passes: defaults may be left out. */
export type OperationInput<Name extends OperationName> = z.input<(typeof operations)[Name]['input']>
/** What a handler gets: parsed, defaults filled in. */
export type ParsedInput<Name extends OperationName> = z.output<(typeof operations)[Name]['input']>
/** What an operation answers. */
export type OperationOutput<Name extends OperationName> = z.output<(typeof operations)[Name]['output']>
