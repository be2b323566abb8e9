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

const organizations = `left join lateral (
  select * from organizations where workspace_id = u.workspace_id and id = u.organization_id offset 0) o on true`

/** The join {@link userColumns} needs. */
export const userTables = `users u ${organizations}`

/** As {@link userTables}, of workspace `$1` the people `$2`. */
export const chosenUserTables = `unnest($2::text[]) as x(id)
  cross join lateral (select * from users where workspace_id = $1 and id = x.id offset 0) u ${organizations}`

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
