import { createHmac, randomUUID } from 'node:crypto'
import type { Target, Who } from '../../packages/testing/src/people.ts'

const years = 365.25 * 24 * 60 * 60

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** A host's token that holds longer than any clock is turned. */
export function lastingToken(server: Target, { id, role, workspace, organization }: Who): string {
  const now = Math.floor(Date.now() / 1_000)
  const claims = { sub: id, jti: randomUUID(), iat: now, exp: Math.floor(now + 20 * years), workspace, role }
  const signed = `${encode({ alg: 'HS256' })}.${encode({ ...claims, name: id, organization: organization ?? null })}`
  return `${signed}.${createHmac('sha256', server.config.jwt.secret ?? '')
    .update(signed)
    .digest('base64url')}`
}
