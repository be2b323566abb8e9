/**
 * Every HTTP operation and where it lives: `METHOD path`, path parameters as `:name`.
 * Kept apart from the schemas so that a browser can call operations without shipping the validator.
 */
export const routes = {
  signIn: 'POST /api/auth/sign-in',
  signInWithLink: 'POST /api/auth/link',
  signOut: 'POST /api/auth/sign-out',
  getMe: 'GET /api/me',
  listUsers: 'GET /api/messaging/users',
  listConversations: 'GET /api/messaging/conversations',
  createConversation: 'POST /api/messaging/conversations',
  getConversation: 'GET /api/messaging/conversations/:conversationId',
  updateConversation: 'PATCH /api/messaging/conversations/:conversationId',
  listParticipants: 'GET /api/messaging/conversations/:conversationId/participants',
  addParticipant: 'POST /api/messaging/conversations/:conversationId/participants',
  updateParticipant: 'PATCH /api/messaging/conversations/:conversationId/participants/:userId',
  removeParticipant: 'DELETE /api/messaging/conversations/:conversationId/participants/:userId',
  listMessages: 'GET /api/messaging/conversations/:conversationId/messages',
  sendMessage: 'POST /api/messaging/conversations/:conversationId/messages',
  getMessage: 'GET /api/messaging/messages/:messageId',
  editMessage: 'PATCH /api/messaging/messages/:messageId',
  deleteMessage: 'DELETE /api/messaging/messages/:messageId',
  listChanges: 'GET /api/messaging/conversations/:conversationId/changes',
  markRead: 'POST /api/messaging/conversations/:conversationId/read',
  markDelivered: 'POST /api/messaging/conversations/:conversationId/delivered',
  getStats: 'GET /api/messaging/stats',
} as const

/** The identifier of an operation, the same in code, API and docs. */
export type OperationName = keyof typeof routes
