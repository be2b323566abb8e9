import { ParleyError } from '@parley/protocol'
import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  errors as joseErrors,
  jwtVerify,
} from 'jose'
import { LRUCache } from 'lru-cache'
import type { Config } from '../config.ts'
import type { Services } from '../context.ts'
import { type Claims, claims } from './claims.ts'
import { hashOf } from './secrets.ts'

/** How the host's tokens are verified. Without secret and key set no token is accepted. */
export type TokenConfig = Config['jwt']

/** A host's token that holds. */
export interface VerifiedToken {
  /** SHA-256 of what the token's signature covers: one token may carry several valid signatures. */
  readonly key: string
  readonly claims: Claims
  /** When it ends, clock tolerance included, Unix milliseconds. */
  readonly expiresAt: number
}

/** Verifies tokens and remembers those that were ended before their time. */
export interface TokenVerifier {
  /** @throws ParleyError `unauthenticated`, always with the same words; `unavailable` when the key set cannot be fetched */
  verify(token: string): Promise<VerifiedToken>
  /** Refuses a token from now on, by its hash, on this node. */
  end(key: string): void
  isEnded(key: string): boolean
}

/** Each source of keys verifies its own algorithms and no others: a public key can never serve as an HMAC secret. */
interface KeySource {
  readonly algorithms: readonly string[]
  readonly key: JWTVerifyGetKey
}

/** How far the clocks of a host and of a server may be apart, seconds. */
export const tolerance = 60
/** The last moment that every clock can tell, Unix milliseconds: some hosts give milliseconds where seconds are meant. */
const lastMoment = Date.UTC(9999, 11, 31)
const tokenLength = 8192
const remembered = { verified: 10_000, ended: 100_000 }
const keySetOptions = { timeoutDuration: 5_000, cooldownDuration: 30_000, cacheMaxAge: 600_000 }

function secretSource(secret: string): KeySource {
  const bytes = new TextEncoder().encode(secret)
  return { algorithms: ['HS256'], key: async () => bytes }
}

function signedPartHash(token: string): string {
  return hashOf(token.slice(0, token.lastIndexOf('.')))
}

function isNoKey(error: unknown): boolean {
  return error instanceof joseErrors.JWKSNoMatchingKey || error instanceof joseErrors.JWKSMultipleMatchingKeys
}

function keySetSource(url: string, log: Services['log']): KeySource {
  const keys = createRemoteJWKSet(new URL(url), keySetOptions)
  const key: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (isNoKey(error)) throw error
      log.warn({ error: String(error) }, "the host's key set cannot be used")
      throw new ParleyError('unavailable', undefined, { retryAfter: 5 })
    }
  }
  return { algorithms: ['RS256', 'ES256'], key }
}

function sourcesOf(config: TokenConfig, log: Services['log']): readonly KeySource[] {
  return [
    ...(config.secret === undefined ? [] : [secretSource(config.secret)]),
    ...(config.jwksUrl === undefined ? [] : [keySetSource(config.jwksUrl, log)]),
  ]
}

/**
 * Verification of the host's tokens. Only `alg` and `kid` of the header are used; keys that a token brings along are not.
 * @param config where keys come from, and what tokens must carry
 * @param services clock and log; the reason of a refusal is logged at level debug and told to nobody
 */
export function createTokenVerifier(
  config: TokenConfig,
  { clock, log }: Pick<Services, 'clock' | 'log'>,
): TokenVerifier {
  const sources = sourcesOf(config, log)
  const verified = new LRUCache<string, VerifiedToken>({ max: remembered.verified })
  const ended = new LRUCache<string, true>({ max: remembered.ended })
  const demands: JWTVerifyOptions = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: tolerance,
    ...(config.issuer === undefined ? {} : { issuer: config.issuer }),
    ...(config.audience === undefined ? {} : { audience: config.audience }),
  }

  async function check(token: string): Promise<VerifiedToken> {
    const { alg = '' } = decodeProtectedHeader(token)
    const source = sources.find(({ algorithms }) => algorithms.includes(alg))
    if (!source) throw new Error(`no key for the algorithm ${JSON.stringify(alg)}`)
    const options = { ...demands, algorithms: [...source.algorithms], currentDate: new Date(clock()) }
    const { payload } = await jwtVerify(token, source.key, options)
    const read = claims.parse(payload)
    return { key: signedPartHash(token), claims: read, expiresAt: Math.min((read.exp + tolerance) * 1000, lastMoment) }
  }

  return {
    verify: async (token) => {
      if (token.length > tokenLength) throw new ParleyError('unauthenticated')
      const hash = hashOf(token)
      const known = verified.get(hash)
      try {
        const holding = known && known.expiresAt > clock() ? known : await check(token)
        if (ended.has(holding.key)) throw new Error('signed out')
        if (holding !== known) verified.set(hash, holding)
        return holding
      } catch (error) {
        if (error instanceof ParleyError) throw error
        log.debug({ reason: String(error) }, 'token refused')
        throw new ParleyError('unauthenticated')
      }
    },
    end: (key) => void ended.set(key, true),
    isEnded: (key) => ended.has(key),
  }
}
