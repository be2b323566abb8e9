import { createConversation } from './create-conversation.service.ts'
import { getConversation, listConversations } from './inbox.service.ts'

/** Operations on conversations as their viewer finds them. */
export const inboxRoutes = { listConversations, getConversation, createConversation }
