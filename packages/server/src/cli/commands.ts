import type { Config } from '../config.ts'

/** Reads the configuration when a command runs: asking for help needs none. */
export type ReadConfig = () => Config
