import { deleteMessage, editMessage, getMessage } from './message.service.ts'
import { listMessages } from './message-pages.service.ts'
import { sendMessage } from './send-anywhere.service.ts'

/** Operations on messages and notes. */
export const messageRoutes = { listMessages, sendMessage, getMessage, editMessage, deleteMessage }
