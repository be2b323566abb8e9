import { deleteMessage, editMessage, getMessage, sendMessage } from './message.service.ts'
import { listMessages } from './message-pages.service.ts'

/** Operations on messages and notes. */
export const messageRoutes = { listMessages, sendMessage, getMessage, editMessage, deleteMessage }
