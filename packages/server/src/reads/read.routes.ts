import { markDelivered, markRead } from './read.service.ts'

/** Operations on read and delivered marks. */
export const readRoutes = { markRead, markDelivered }
