import type { PresenceState, Profile } from '@parley/protocol'
import { text } from '../text.ts'

const fills = 8

function fillOf(id: string): number {
  let hash = 0
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0
  return hash % fills
}

function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/)
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? '')][0] ?? '')
  return letters.join('').toLocaleUpperCase()
}

export interface AvatarProps {
  readonly user: Pick<Profile, 'id' | 'name' | 'avatarUrl'> | undefined
  readonly size?: 'small' | 'medium' | 'large'
  readonly presence?: PresenceState | undefined
}

/** A person's picture, or the initials on a colour of their own; with a dot that tells whether they are here. */
export function Avatar({ user, size = 'medium', presence }: AvatarProps) {
  const name = user?.name ?? text('formerMember')
  return (
    <span className="parley-avatar" data-size={size} data-fill={fillOf(user?.id ?? '')}>
      {user?.avatarUrl ? (
        <img src={user.avatarUrl} alt="" loading="lazy" decoding="async" />
      ) : (
        <span aria-hidden="true">{initialsOf(name)}</span>
      )}
      {presence && <PresenceDot state={presence} />}
    </span>
  )
}

/** Online, away or offline, told by shape, colour and text. */
export function PresenceDot({ state }: { readonly state: PresenceState }) {
  return (
    <span className="parley-presence" data-testid="presence" data-presence={state}>
      <span className="parley-hidden">{text(state)}</span>
    </span>
  )
}
