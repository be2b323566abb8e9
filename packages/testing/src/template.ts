/** Name of the migrated database that every test's own is cloned from. */
export const templateName = 'parley_template'

declare module 'vitest' {
  export interface ProvidedContext {
    /** How to reach the PostgreSQL of the run, as its superuser. */
    postgres: { host: string; user: string }
  }
}
