import { listChanges } from './change.service.ts'

/** Operations on the change log. */
export const changeRoutes = { listChanges }
