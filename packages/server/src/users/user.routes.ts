import { listUsers } from './user.service.ts'

/** Operations on people. */
export const userRoutes = { listUsers }
