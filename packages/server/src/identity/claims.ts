import { id, limits, organization, role } from '@parley/protocol'
import { z } from 'zod'
import { defaultWorkspaceId } from '../workspaces/workspace.service.ts'

const controlCharacters = /[\u0000-\u001f\u007f]/

/** Whether a value can be stored as it is and shown in one line. */
function isOneLine(value: string): boolean {
  return value.isWellFormed() && !controlCharacters.test(value)
}

/** An id chosen by the host. Text that is not well-formed is refused: stored, two different ids would become one. */
export const hostId = id.refine((value) => value.isWellFormed(), 'must be well-formed text')

/** What is not seen: spaces without width, turns of direction, marks of the encoding. Joiners and variants make emoji and some scripts. */
const unseen = /(?!\u200c|\u200d|\ufe0e|\ufe0f)\p{Default_Ignorable_Code_Point}/gu

const unjoined = '[\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}\\p{Nd}\\s]'
/** Joiners where letters do not join. */
const idleJoiners = new RegExp(`(?<=^|${unjoined})[\u200c\u200d]+|[\u200c\u200d]+(?=$|${unjoined})`, 'gu')

/** Two names that look the same are the same, and none turns what stands beside it. */
function asSeen(name: string): string {
  return name.replace(unseen, '').replace(idleJoiners, '').trim()
}

/** A name of a person or an organization. */
export const personName = z
  .string()
  .transform(asSeen)
  .pipe(z.string().min(1).max(limits.nameLength).refine(isOneLine, 'must be one line of text'))

/** An email address, taken as the host writes it. */
export const emailAddress = z
  .string()
  .trim()
  .min(3)
  .max(254)
  .refine((value) => value.includes('@') && isOneLine(value), 'must be an email address')

const avatarUrl = z.url({ protocol: /^https?$/ }).max(2048)

/** An organization as hosts and the command line name it. */
export const hostOrganization = z.object({ id: hostId, name: personName, kind: organization.shape.kind })

/**
 * What Parley reads of a host's token. Rights (`role`, `organization`) are what this token says, also by leaving them out;
 * profile fields that are left out stay as they are.
 */
export const claims = z.object({
  sub: hostId,
  exp: z.number(),
  iat: z.number().default(0),
  workspace: hostId.default(defaultWorkspaceId),
  name: personName.optional(),
  email: emailAddress.nullish(),
  avatarUrl: avatarUrl.nullish(),
  role: role.default('external'),
  organization: hostOrganization.nullish(),
})
export type Claims = z.output<typeof claims>
