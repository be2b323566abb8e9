import type { Organization, Profile, Role } from '@parley/protocol'

/** A row of `users` joined with its organization. */
export interface UserRow {
  readonly id: string
  readonly name: string
  readonly email: string | null
  readonly avatar_url: string | null
  readonly role: Role
  readonly organization_id: string | null
  readonly organization_name: string | null
  readonly organization_kind: Organization['kind'] | null
  readonly deactivated_at: string | null
}

/** The columns of a {@link UserRow}, of `users u` left joined with `organizations o`. */
export const userColumns = `u.id, u.name, u.email, u.avatar_url, u.role, u.organization_id, o.name as organization_name,
  o.kind as organization_kind, u.deactivated_at`

/** The join {@link userColumns} needs. */
export const userTables =
  'users u left join organizations o on o.workspace_id = u.workspace_id and o.id = u.organization_id'

/** What others see of a person. */
export function toProfile(row: UserRow): Profile {
  return {
    id: row.id,
    name: row.name,
    avatarUrl: row.avatar_url,
    role: row.role,
    organization:
      row.organization_id === null || row.organization_kind === null
        ? null
        : { id: row.organization_id, name: row.organization_name ?? row.organization_id, kind: row.organization_kind },
  }
}
