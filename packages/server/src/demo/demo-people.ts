import type { Organization, Role } from '@parley/protocol'

/** Somebody in the demo. */
export interface DemoUser {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly organization: Organization
}

/** What the demo workspace is called. */
export const demoWorkspaceName = 'Fernhill Studio'

const studio: Organization = { id: 'fernhill', name: 'Fernhill Studio', kind: 'own' }
const acme: Organization = { id: 'acme', name: 'Acme Ltd', kind: 'client' }
const northwind: Organization = { id: 'northwind', name: 'Northwind Lighting', kind: 'client' }
const press: Organization = { id: 'row-press', name: 'Row Press', kind: 'partner' }

const users = {
  ana: { id: 'ana', name: 'Ana Ferreira', email: 'ana@fernhill.example', role: 'admin', organization: studio },
  luis: { id: 'luis', name: 'Luis Ortega', email: 'luis@fernhill.example', role: 'member', organization: studio },
  mo: { id: 'mo', name: 'Mo Adeyemi', email: 'mo@fernhill.example', role: 'member', organization: studio },
  dana: { id: 'dana', name: 'Dana Whitfield', email: 'dana@acme.example', role: 'external', organization: acme },
  priya: {
    id: 'priya',
    name: 'Priya Raman',
    email: 'priya@northwind.example',
    role: 'external',
    organization: northwind,
  },
  tomasz: {
    id: 'tomasz',
    name: 'Tomasz Zielinski',
    email: 'tomasz@rowpress.example',
    role: 'external',
    organization: press,
  },
} as const satisfies Record<string, DemoUser>

/** An id of one of the people. */
export type DemoUserId = keyof typeof users

/** The studio's team, its clients, and the printer it works with. */
export const demoUsers: Readonly<Record<DemoUserId, DemoUser>> = users
