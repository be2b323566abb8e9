import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { limits } from '@parley/protocol'
import { z } from 'zod'
import { newSecret } from './ids.ts'

/** What the environment says, parsed. */
export interface Settings {
  readonly port: number
  readonly host: string
  /** Absolute path of the folder that holds the embedded database, the secret and files. */
  readonly dataDir: string
  readonly databaseUrl?: string
  /** Carries hints between nodes; without it each node follows the log alone. */
  readonly redisUrl?: string
  readonly jwt: {
    readonly secret?: string
    readonly jwksUrl?: string
    readonly issuer?: string
    readonly audience?: string
  }
  readonly publicUrl?: string
  readonly allowedOrigins: readonly string[]
  readonly trustProxy: boolean
  readonly rateLimits: boolean
  /** How many messages a person may send a minute. */
  readonly messagesPerMinute: number
  /** What is kept of each kind; 0 of either keeps nothing. */
  readonly cache: { readonly entries: number; readonly seconds: number }
  readonly logLevel: string
  readonly production: boolean
  readonly demo: boolean
}

/** Everything the environment decides. */
export interface Config extends Settings {
  /** Seals what is kept outside of the database. */
  readonly secret: string
}

const shortestSecret = 32
const samples = ['changeme', 'secret', 'parley', 'example', 'your-secret', 'please-change']

function isSample(value: string): boolean {
  const plain = value.toLowerCase()
  return samples.some((sample) => plain.startsWith(sample)) || new Set(plain).size < 8
}

function isSite(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, origin, href } = new URL(value)
  return /^https?:$/.test(protocol) && href === `${origin}/`
}

const secret = z
  .string()
  .min(shortestSecret, `must have at least ${shortestSecret} characters`)
  .refine((value) => !isSample(value), 'must not be a sample value')
const web = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' })
const site = z
  .string()
  .refine(isSite, 'must be the http or https address of a site, without a path, such as https://chat.example.com')
  .transform((value) => new URL(value).origin)

/** A whole number in digits, and nothing else that a program might take for one. */
function whole(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`
  return z
    .string()
    .regex(/^\d+$/, error)
    .transform(Number)
    .refine((value) => value >= least && value <= most, error)
}

const onOff = z.enum(['on', 'off'], 'must be on or off')

const environment = z.object({
  PORT: whole(0, 65_535).default(4400),
  HOST: z.string().min(1).default('127.0.0.1'),
  PARLEY_DATA_DIR: z.string().min(1).default('./data'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgresql:// URL' }).optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// URL' }).optional(),
  PARLEY_SECRET: secret.optional(),
  PARLEY_JWT_SECRET: secret.optional(),
  PARLEY_JWKS_URL: web.optional(),
  PARLEY_JWT_ISSUER: z.string().min(1).optional(),
  PARLEY_JWT_AUDIENCE: z.string().min(1).optional(),
  PARLEY_PUBLIC_URL: site.optional(),
  PARLEY_ALLOWED_ORIGINS: z
    .string()
    .default('')
    .transform((value) =>
      value
        .split(',')
        .map((origin) => origin.trim())
        .filter(Boolean),
    )
    .refine((origins) => origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin), {
      error: 'must be a comma-separated list of exact origins, such as https://app.example.com',
    }),
  PARLEY_TRUST_PROXY: onOff.default('off'),
  PARLEY_RATE_LIMITS: onOff.default('on'),
  PARLEY_MESSAGES_PER_MINUTE: whole(1, 1_000_000).default(limits.messagesPerMinute),
  PARLEY_CACHE_ENTRIES: whole(0, 10_000_000).default(1_000),
  PARLEY_CACHE_SECONDS: whole(0, 10_000_000).default(3_600),
  PARLEY_DEMO: onOff.default('on'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  NODE_ENV: z.enum(['production', 'development', 'test'], 'must be production, development or test').optional(),
})

/** Faults of the environment, one line each. */
export class ConfigError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`The configuration has faults:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
    this.faults = faults
  }
}

type Given = Readonly<Record<string, string | undefined>>

function productionFaults(given: Given): string[] {
  if (given.NODE_ENV !== 'production') return []
  const faults = ['PARLEY_SECRET', 'PARLEY_PUBLIC_URL']
    .filter((name) => given[name] === undefined)
    .map((name) => `${name} is required with NODE_ENV=production`)
  if (given.PARLEY_RATE_LIMITS === 'off') faults.push('PARLEY_RATE_LIMITS may not be off with NODE_ENV=production')
  return faults
}

/** Makes a file that is whole as soon as it is there; if another process was first, its file stays. */
function writeFirst(file: string, text: string): void {
  const place = mkdtempSync(`${file}-`)
  try {
    const draft = join(place, 'draft')
    writeFileSync(draft, text, { mode: 0o600 })
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(place, { recursive: true })
  }
}

/** The secret of an installation that was not given one: made at the first start and kept in the data directory. */
function keptSecret(dataDir: string): string {
  const file = join(dataDir, 'secret')
  if (!existsSync(file)) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    writeFirst(file, newSecret())
  }
  return readFileSync(file, 'utf8').trim()
}

function defined<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value })
}

/** What is set: empty variables count as if they were not. */
function givenIn(env: NodeJS.ProcessEnv): Given {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
}

/**
 * Parses the environment and changes nothing.
 * @param env the environment, usually `process.env`
 * @throws ConfigError with every fault at once
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = givenIn(env)
  const parsed = environment.safeParse(given)
  const issues = parsed.error?.issues ?? []
  const faults = [...issues.map(({ path, message }) => `${path.join('.')} ${message}`), ...productionFaults(given)]
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults)
  const values = parsed.data
  const production = values.NODE_ENV === 'production'
  return {
    port: values.PORT,
    host: values.HOST,
    dataDir: resolve(values.PARLEY_DATA_DIR),
    ...defined('databaseUrl', values.DATABASE_URL),
    ...defined('redisUrl', values.REDIS_URL),
    jwt: {
      ...defined('secret', values.PARLEY_JWT_SECRET),
      ...defined('jwksUrl', values.PARLEY_JWKS_URL),
      ...defined('issuer', values.PARLEY_JWT_ISSUER),
      ...defined('audience', values.PARLEY_JWT_AUDIENCE),
    },
    ...defined('publicUrl', values.PARLEY_PUBLIC_URL),
    allowedOrigins: values.PARLEY_ALLOWED_ORIGINS,
    trustProxy: values.PARLEY_TRUST_PROXY === 'on',
    rateLimits: values.PARLEY_RATE_LIMITS === 'on',
    messagesPerMinute: values.PARLEY_MESSAGES_PER_MINUTE,
    cache: { entries: values.PARLEY_CACHE_ENTRIES, seconds: values.PARLEY_CACHE_SECONDS },
    logLevel: values.LOG_LEVEL,
    production,
    demo: !production && values.PARLEY_DEMO === 'on',
  }
}

/**
 * Parses the environment, and makes the data directory's secret if there is none.
 * @param env the environment, usually `process.env`
 * @throws ConfigError with every fault at once
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const settings = readSettings(env)
  return { ...settings, secret: givenIn(env).PARLEY_SECRET ?? keptSecret(settings.dataDir) }
}
