import type { ClientOptions, ParleyClient } from './api.ts'

/**
 * Creates a client. Nothing happens before `start()`.
 * @param options where the server is and how to show who one is
 */
export declare function createClient(options: ClientOptions): ParleyClient
