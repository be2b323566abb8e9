import { updateConversation } from './conversation.service.ts'

/** Operations on what a conversation is. */
export const conversationRoutes = { updateConversation }
