import { text } from 'node:stream/consumers'
import { type FieldProblem, organization, ParleyError } from '@parley/protocol'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Config } from '../config.ts'
import { createIdentity, type Identity } from '../identity/identity.service.ts'
import type { ReadConfig } from './commands.ts'
import { withServices } from './database.ts'
import { CommandFailure, exitCodes, named } from './failure.ts'
import { baseUrl, linkTo } from './link.ts'
import { listPeople } from './people.service.ts'
import { counted, say, table } from './terminal.ts'

interface InWorkspace {
  readonly workspace: string
}

interface Company {
  readonly id: string
  readonly name: string
  readonly kind: 'own' | 'client' | 'partner'
}

type PersonRole = 'admin' | 'member' | 'external'

interface NewPerson extends InWorkspace {
  readonly name: string
  readonly email?: string
  readonly id?: string
  readonly role: PersonRole
  readonly organization?: Company
  readonly passwordStdin?: true
}

interface Change extends InWorkspace {
  readonly name?: string
  readonly email?: string
  readonly role?: PersonRole
  readonly organization?: Company | 'none'
}

const kinds = organization.shape.kind.options

function parseOrganization(value: string): Company {
  const [id = '', name = '', kind = '', ...rest] = value.split(':')
  const known = kinds.find((one) => one === kind)
  if (id === '' || name === '' || !known || rest.length > 0) {
    throw new InvalidArgumentError(`Write it as id:name:kind, where kind is one of ${kinds.join(', ')}.`)
  }
  return { id, name, kind: known }
}

function parseChangedOrganization(value: string): Company | 'none' {
  return value === 'none' ? value : parseOrganization(value)
}

async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) throw new CommandFailure('The password comes from standard input.', exitCodes.usage)
  return (await text(process.stdin)).replace(/\r?\n$/, '')
}

function withIdentity(config: Config, work: (identity: Identity) => Promise<void>): Promise<void> {
  return withServices(config, (services) => work(createIdentity(services, config)))
}

/** Says what is wrong with which field. */
async function explained<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof ParleyError) || error.code !== 'invalid') throw error
    const { fields } = error.details as { fields: readonly FieldProblem[] }
    const problems = fields.map(({ path, problem }) => `  ${path}: ${problem}`)
    throw new CommandFailure(`This cannot be:\n${problems.join('\n')}`, exitCodes.usage)
  }
}

async function sayLink(identity: Identity, config: Config, workspaceId: string, userId: string): Promise<void> {
  say(linkTo(baseUrl(config), await identity.createSignInLink(workspaceId, userId)))
}

async function create(config: Config, { passwordStdin, ...person }: NewPerson): Promise<void> {
  const password = passwordStdin ? { password: await readPassword() } : {}
  await withIdentity(config, async (identity) => {
    const { workspaceId, userId } = await explained(identity.createUser({ ...person, ...password }))
    say(`Made ${person.name} (${person.role}) in workspace ${workspaceId} with the id ${userId}.`)
    say('A link to sign in, once, within a day:')
    await sayLink(identity, config, workspaceId, userId)
  })
}

async function list(config: Config, { workspace }: InWorkspace): Promise<void> {
  const people = await withServices(config, ({ db }) => {
    return named(listPeople(db, workspace), `There is no workspace ${workspace}.`)
  })
  const rows = people.map((person) => [
    person.id,
    person.name,
    person.role,
    person.email ?? '',
    person.organization ?? '',
    person.deactivated ? 'deactivated' : '',
  ])
  for (const line of table([['ID', 'NAME', 'ROLE', 'EMAIL', 'ORGANIZATION', ''], ...rows])) say(line)
  say(counted(people.length, 'person', 'people'))
}

function nobody(userId: string, workspace: string): string {
  return `There is no user ${userId} in workspace ${workspace}.`
}

function unknown(userId: string, workspace: string): string {
  return `There is no active user ${userId} in workspace ${workspace}.`
}

async function deactivate(config: Config, userId: string, { workspace }: InWorkspace): Promise<void> {
  await withIdentity(config, (identity) => {
    return named(identity.deactivateUser({ workspaceId: workspace, userId }), unknown(userId, workspace))
  })
  say(`Deactivated ${userId}: the sessions have ended, what they wrote stays.`)
}

async function activate(config: Config, userId: string, { workspace }: InWorkspace): Promise<void> {
  await withIdentity(config, (identity) => {
    return named(identity.activateUser({ workspaceId: workspace, userId }), nobody(userId, workspace))
  })
  say(`Activated ${userId}. The person signs in anew: parley user link ${userId}`)
}

async function update(config: Config, userId: string, { workspace, organization, ...rest }: Change): Promise<void> {
  const change =
    organization === undefined ? rest : { ...rest, organization: organization === 'none' ? null : organization }
  if (Object.keys(change).length === 0) throw new CommandFailure('Nothing is to change; see --help.', exitCodes.usage)
  await withIdentity(config, (identity) => {
    const updating = explained(identity.updateUser({ workspaceId: workspace, userId }, change))
    return named(updating, nobody(userId, workspace))
  })
  say(`Changed ${userId}.`)
}

async function password(config: Config, userId: string, { workspace }: InWorkspace): Promise<void> {
  const given = await readPassword()
  await withIdentity(config, (identity) => {
    const setting = explained(identity.setPassword({ workspaceId: workspace, userId }, given))
    return named(setting, `There is no user ${userId} with an email address in workspace ${workspace}.`)
  })
  say(`${userId} has a new password: the sessions opened with the old one have ended.`)
}

async function link(config: Config, userId: string, { workspace }: InWorkspace): Promise<void> {
  await withIdentity(config, (identity) => {
    return named(sayLink(identity, config, workspace, userId), unknown(userId, workspace))
  })
}

const help = `
Examples:
  parley user create --name "Ada Moor" --email ada@example.com --role admin
  parley user create --name "Ben Fox" --role external --organization fox:"Fox Ltd":client
  parley user list
  parley user link usr_42                        print another one-time sign-in link
  parley user update usr_42 --role admin
  parley user password usr_42 < password.txt
  parley user deactivate usr_42
`

const roles = ['admin', 'member', 'external'] as const
const workspaceFlag = ['-w, --workspace <id>', 'the workspace', 'default'] as const

function addCreate(user: Command, readConfig: ReadConfig): void {
  user
    .command('create')
    .description('Makes a person and prints a link to sign in once. The workspace is made if it is not there.')
    .requiredOption('--name <name>', 'the name others see')
    .addOption(
      new Option('--role <role>', 'admin, member: the team; external: the other side')
        .choices(roles)
        .makeOptionMandatory(),
    )
    .option('--email <email>', 'to sign in with a password')
    .option('--id <id>', 'the id; made if left out')
    .option('--organization <id:name:kind>', 'the company; kind is own, client or partner', parseOrganization)
    .option('--password-stdin', 'read a password from standard input')
    .option(...workspaceFlag)
    .action((flags: NewPerson) => create(readConfig(), flags))
}

function addUpdate(user: Command, readConfig: ReadConfig): void {
  user
    .command('update')
    .description(
      'Changes a person. What is left out stays; of people who come with tokens of a host, the next token says again what it says.',
    )
    .argument('<user>', 'id of the person')
    .option('--name <name>', 'the name others see')
    .addOption(new Option('--role <role>', 'admin, member: the team; external: the other side').choices(roles))
    .option('--email <email>', 'to sign in with a password')
    .option('--organization <id:name:kind>', 'the company; none takes it away', parseChangedOrganization)
    .option(...workspaceFlag)
    .action((userId: string, flags: Change) => update(readConfig(), userId, flags))
}

/** What is done to one person, without more to say about it. */
const deeds = [
  ['link', 'Prints a link that signs the person in once, within a day.', link],
  ['password', 'Sets the password, read from standard input, of a person with an email address.', password],
  ['deactivate', 'Shuts a person out, everywhere and at once. What they wrote stays.', deactivate],
  ['activate', 'Lets a person in again who was shut out.', activate],
] as const

function addDeeds(user: Command, readConfig: ReadConfig): void {
  for (const [name, description, run] of deeds) {
    user
      .command(name)
      .description(description)
      .argument('<user>', 'id of the person')
      .option(...workspaceFlag)
      .action((userId: string, flags: InWorkspace) => run(readConfig(), userId, flags))
  }
}

/** `parley user` */
export function addUser(program: Command, readConfig: ReadConfig): void {
  const user = program
    .command('user')
    .summary('make, list, change and deactivate people')
    .description('Makes, lists, changes and deactivates people, sets passwords, and prints links to sign in.')
    .helpCommand(false)
    .addHelpText('after', help)
  addCreate(user, readConfig)
  user
    .command('list')
    .description('Lists the people of a workspace.')
    .option(...workspaceFlag)
    .action((flags: InWorkspace) => list(readConfig(), flags))
  addUpdate(user, readConfig)
  addDeeds(user, readConfig)
}
