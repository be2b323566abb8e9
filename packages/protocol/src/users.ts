import { z } from 'zod'
import { cursor, id, pageSize } from './fields.ts'
import { limits } from './limits.ts'
import { operation } from './operation.ts'

/** Team (`admin`, `member`) or the other side of the business (`external`). */
export const role = z.enum(['admin', 'member', 'external'])
export type Role = z.infer<typeof role>

export const organization = z
  .strictObject({ id, name: z.string(), kind: z.enum(['own', 'client', 'partner']) })
  .meta({ id: 'Organization' })
export type Organization = z.infer<typeof organization>

/** What everyone who may see a person sees of them. */
export const profile = z
  .strictObject({
    id,
    name: z.string(),
    avatarUrl: z.string().nullable(),
    role,
    organization: organization.nullable(),
  })
  .meta({ id: 'Profile' })
export type Profile = z.infer<typeof profile>

export const me = z
  .strictObject({
    workspace: z.strictObject({ id, name: z.string() }),
    user: profile,
    email: z.string().nullable(),
    epoch: z.string(),
  })
  .meta({ id: 'Me' })
export type Me = z.infer<typeof me>

const session = z.strictObject({ me })

export const signIn = operation('signIn', {
  summary: 'Start a session with email and password; sets an HttpOnly cookie',
  access: 'public',
  input: z.strictObject({
    email: z.string().min(3).max(254),
    password: z.string().min(1).max(256),
    workspace: id.optional(),
  }),
  output: session,
  errors: ['credentials_invalid'],
})

export const signInWithLink = operation('signInWithLink', {
  summary: 'Start a session with a one-time link; sets an HttpOnly cookie',
  access: 'public',
  input: z.strictObject({ token: z.string().min(1).max(512) }),
  output: session,
  errors: ['link_used'],
})

export const signOut = operation('signOut', {
  summary: 'End the session; its sockets close within a second',
  input: z.strictObject({}),
  output: z.strictObject({}),
})

export const getMe = operation('getMe', {
  summary: 'Who is signed in, and where',
  input: z.strictObject({}),
  output: me,
})

export const listUsers = operation('listUsers', {
  summary: 'People one may start a conversation with, or the profiles of given ids',
  input: z.strictObject({
    q: z.string().max(limits.nameLength).optional(),
    ids: z
      .string()
      .max(limits.participantsPerRequest * (limits.idLength + 1))
      .optional()
      .describe('user ids, separated by commas; a comma within an id is written %2C, a percent sign %25'),
    cursor: cursor.optional(),
    limit: pageSize,
  }),
  output: z.strictObject({ items: z.array(profile), nextCursor: z.string().nullable() }),
})
