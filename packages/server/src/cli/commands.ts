import type { Config, Settings } from '../config.ts'

/** Reads the configuration when a command runs: asking for help needs none. */
export type ReadConfig = () => Config

/** The same without what the configuration would make: for looking only. */
export type ReadSettings = () => Settings
