import type { z } from 'zod'
import type { ErrorCode } from './errors.ts'
import { type OperationName, routes } from './routes.ts'

/** `public` operations work without a session, `user` operations need one. */
export type Access = 'public' | 'user'

/** The HTTP methods operations use. */
export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/**
 * An HTTP operation. `input` is flat: path parameters, and query (GET, DELETE) or body (POST, PATCH) together, no name twice.
 */
export interface Operation<
  Name extends OperationName = OperationName,
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodType = z.ZodType,
> {
  readonly name: Name
  readonly method: Method
  readonly path: string
  readonly summary: string
  readonly access: Access
  readonly input: Input
  readonly output: Output
  readonly errors: readonly ErrorCode[]
  /** Names of the path parameters, in order. */
  readonly params: readonly string[]
}

const always: readonly ErrorCode[] = ['invalid', 'internal', 'unavailable', 'rate_limited']

/**
 * Declares an operation. Its route comes from the table of routes; errors that any operation may answer are added.
 * @param name its identifier, a key of `routes`
 * @param definition summary, access, schemas and the error codes of its own
 * @returns the complete operation
 */
export function operation<Name extends OperationName, Input extends z.ZodObject, Output extends z.ZodType>(
  name: Name,
  definition: {
    summary: string
    access?: Access
    input: Input
    output: Output
    errors?: readonly ErrorCode[]
  },
): Operation<Name, Input, Output> {
  const [method, path] = routes[name].split(' ') as [Method, string]
  const access = definition.access ?? 'user'
  const bodied: readonly ErrorCode[] = method === 'GET' ? [] : ['too_large', 'unsupported_media_type']
  const signedIn: readonly ErrorCode[] = access === 'user' ? ['unauthenticated', 'viewer_changed'] : []
  const codes = new Set<ErrorCode>([...always, ...bodied, ...signedIn, ...(definition.errors ?? [])])
  return {
    name,
    method,
    path,
    access,
    summary: definition.summary,
    input: definition.input,
    output: definition.output,
    errors: [...codes].sort(),
    params: [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? ''),
  }
}
