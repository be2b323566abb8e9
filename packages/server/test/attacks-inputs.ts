import type { OperationInput, OperationName } from '@parley/protocol'
import { newKey } from '@parley/testing'

/** An input of every operation; a new operation does not compile without one. */
export type Inputs = { readonly [Name in OperationName]: OperationInput<Name> }

/**
 * Inputs that have the right form, to be bent in one place.
 * @param at what the paths name
 */
export function validInputs({ conversationId, messageId }: { conversationId: string; messageId: string }): Inputs {
  const here = { conversationId }
  return {
    signIn: { email: 'nobody@example.com', password: 'not the password', workspace: 'w1' },
    signInWithLink: { token: 'never-was' },
    signOut: {},
    getMe: {},
    listUsers: { q: 'a' },
    listConversations: { q: 'a' },
    createConversation: { kind: 'external', participants: [], clientKey: newKey() },
    getConversation: here,
    updateConversation: { ...here, status: 'open' },
    listParticipants: here,
    addParticipant: { ...here, userId: 'bob' },
    updateParticipant: { ...here, userId: 'bob', role: 'member' },
    removeParticipant: { ...here, userId: 'nobody' },
    listMessages: here,
    sendMessage: { ...here, clientKey: newKey(), text: 'x' },
    getMessage: { messageId },
    editMessage: { messageId, text: 'x' },
    deleteMessage: { messageId },
    listChanges: { ...here, after: 0 },
    markRead: { ...here, seq: 1 },
    markDelivered: { ...here, seq: 1 },
    getStats: {},
  }
}
