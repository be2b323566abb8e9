export { type Config, readConfig } from './config.ts'
export { migrate } from './db/migrate.ts'
export { type ParleyServer, type ServerParts, startServer } from './server.ts'
