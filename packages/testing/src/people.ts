import { randomUUID } from 'node:crypto'
import {
  type ErrorBody,
  isErrorCode,
  type OperationInput,
  type OperationName,
  type OperationOutput,
  type Organization,
  operations,
  ParleyError,
  type Role,
} from '@parley/protocol'
import { SignJWT } from 'jose'
import { type RawAnswer, type RawRequest, requestOf, sendRaw } from './request.ts'
import type { TestServer } from './server.ts'
import { openSocket, type TestSocket } from './socket.ts'

/** Who somebody is, as a host's token says. */
export interface Who {
  readonly id: string
  readonly role: Role
  readonly workspace: string
  readonly organization?: Organization
  /** When the token was issued, Unix seconds; now when left out. */
  readonly issuedAt?: number
}

/** Somebody who uses the server. */
export interface Person extends Who {
  readonly token: string
  /**
   * Performs an operation and holds the answer against its strict output schema.
   * @throws ParleyError as answered; Error when the code is not one the operation lists
   */
  call<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<OperationOutput<Name>>
  /** Performs an operation and returns the answer as it came. */
  callRaw<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<RawAnswer>
  /** Sends any request with the person's token. */
  send(request: RawRequest): Promise<RawAnswer>
  /** Opens a socket; live delivery starts with the command `resume`. */
  socket(): Promise<TestSocket>
  /** Opens a socket and resumes from nothing. */
  online(): Promise<TestSocket>
}

/** The people most tests need: a team, two other companies, somebody of the team outside, another workspace, an administrator. */
export interface People {
  readonly alice: Person
  readonly bob: Person
  readonly carol: Person
  readonly dave: Person
  readonly eve: Person
  readonly mallory: Person
  readonly root: Person
}

/** A running server and the secret its hosts sign tokens with. */
export interface Target {
  readonly url: string
  readonly config: { readonly jwt: Pick<TestServer['config']['jwt'], 'secret'> }
}

/** A host's token, like no other. */
export function signToken(server: Target, { id, role, workspace, organization, issuedAt }: Who): Promise<string> {
  const secret = new TextEncoder().encode(server.config.jwt.secret)
  const claims = { workspace, role, name: id[0]?.toUpperCase() + id.slice(1), organization: organization ?? null }
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setSubject(id)
  return jwt.setJti(randomUUID()).setIssuedAt(issuedAt).setExpirationTime('30d').sign(secret)
}

function toError(name: OperationName, { status, text }: RawAnswer): ParleyError {
  const { error } = JSON.parse(text) as ErrorBody
  if (!isErrorCode(error.code)) throw new Error(`${name} answered ${status} with an unknown code: ${text}`)
  const known = new ParleyError(error.code, error.message, error.details)
  if (known.status !== status) throw new Error(`${name} answered ${error.code} with status ${status}`)
  if (!operations[name].errors.includes(error.code)) throw new Error(`${name} does not list ${error.code}: ${text}`)
  return known
}

/** Makes somebody the server knows. */
export async function person(server: Target, who: Who): Promise<Person> {
  const token = await signToken(server, who)
  const send = (request: RawRequest) =>
    sendRaw(server.url, { ...request, headers: { authorization: `Bearer ${token}`, ...request.headers } })
  const callRaw: Person['callRaw'] = (name, input) => send(requestOf(name, input))
  const call: Person['call'] = async <Name extends OperationName>(name: Name, input: OperationInput<Name>) => {
    const answer = await callRaw(name, input)
    if (answer.status !== 200) throw toError(name, answer)
    return operations[name].output.parse(JSON.parse(answer.text)) as OperationOutput<Name>
  }
  const socket = () => openSocket(server.url, { token })
  const online = async () => {
    const opened = await socket()
    await opened.command('resume', { epoch: null, cursors: {} })
    return opened
  }
  await call('getMe', {})
  return { ...who, token, call, callRaw, send, socket, online }
}

const own: Organization = { id: 'studio', name: 'Studio', kind: 'own' }
const acme: Organization = { id: 'acme', name: 'Acme', kind: 'client' }
const globex: Organization = { id: 'globex', name: 'Globex', kind: 'partner' }

/**
 * The standard people.
 * @param workspace theirs; mallory's is another one
 */
export async function people(server: Target, workspace = 'w1'): Promise<People> {
  const team = (id: string, role: Role) => person(server, { id, role, workspace, organization: own })
  const alice = await team('alice', 'member')
  const [bob, carol, dave, eve, mallory, root] = await Promise.all([
    team('bob', 'member'),
    person(server, { id: 'carol', role: 'external', workspace, organization: acme }),
    person(server, { id: 'dave', role: 'external', workspace, organization: globex }),
    team('eve', 'member'),
    person(server, { id: 'mallory', role: 'admin', workspace: `${workspace}-other`, organization: own }),
    team('root', 'admin'),
  ])
  return { alice, bob, carol, dave, eve, mallory, root }
}
