import { text } from 'node:stream/consumers'
import { organization, ParleyError } from '@parley/protocol'
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

interface NewPerson extends InWorkspace {
  readonly name: string
  readonly email?: string
  readonly id?: string
  readonly role: 'admin' | 'member' | 'external'
  readonly organization?: { id: string; name: string; kind: 'own' | 'client' | 'partner' }
  readonly passwordStdin?: true
}

const kinds = organization.shape.kind.options

function parseOrganization(value: string): NonNullable<NewPerson['organization']> {
  const [id = '', name = '', kind = '', ...rest] = value.split(':')
  const known = kinds.find((one) => one === kind)
  if (id === '' || name === '' || !known || rest.length > 0) {
    throw new InvalidArgumentError(`Write it as id:name:kind, where kind is one of ${kinds.join(', ')}.`)
  }
  return { id, name, kind: known }
}

async function readPassword(): Promise<string> {
  if (process.stdin.isTTY)
    throw new CommandFailure('--password-stdin needs the password on standard input.', exitCodes.usage)
  return (await text(process.stdin)).replace(/\r?\n$/, '')
}

function withIdentity(config: Config, work: (identity: Identity) => Promise<void>): Promise<void> {
  return withServices(config, (services) => work(createIdentity(services, config)))
}

function problemsOf(error: ParleyError): string[] {
  const { fields = [] } = error.details as { fields?: readonly (string | { path: string; problem: string })[] }
  return fields.flatMap((field) => (typeof field === 'string' ? [] : [`  ${field.path}: ${field.problem}`]))
}

/** Says what is wrong with which field. */
async function explained<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof ParleyError) || error.code !== 'invalid') throw error
    const problems = problemsOf(error)
    throw problems.length === 0 ? error : new CommandFailure(`This cannot be:\n${problems.join('\n')}`, exitCodes.usage)
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

function unknown(userId: string, workspace: string): string {
  return `There is no active user ${userId} in workspace ${workspace}.`
}

async function deactivate(config: Config, userId: string, { workspace }: InWorkspace): Promise<void> {
  await withIdentity(config, (identity) => {
    return named(identity.deactivateUser({ workspaceId: workspace, userId }), unknown(userId, workspace))
  })
  say(`Deactivated ${userId}: the sessions have ended, what they wrote stays.`)
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
  parley user deactivate usr_42
`

const workspaceFlag = ['-w, --workspace <id>', 'the workspace', 'default'] as const

function addCreate(user: Command, readConfig: ReadConfig): void {
  user
    .command('create')
    .description('Makes a person and prints a link to sign in once. The workspace is made if it is not there.')
    .requiredOption('--name <name>', 'the name others see')
    .addOption(
      new Option('--role <role>', 'admin, member: the team; external: the other side')
        .choices(['admin', 'member', 'external'])
        .makeOptionMandatory(),
    )
    .option('--email <email>', 'to sign in with a password')
    .option('--id <id>', 'the id; made if left out')
    .option('--organization <id:name:kind>', 'the company; kind is own, client or partner', parseOrganization)
    .option('--password-stdin', 'read a password from standard input')
    .option(...workspaceFlag)
    .action((flags: NewPerson) => create(readConfig(), flags))
}

/** `parley user` */
export function addUser(program: Command, readConfig: ReadConfig): void {
  const user = program
    .command('user')
    .summary('make, list and deactivate people')
    .description('Makes, lists and deactivates people, and prints links to sign in.')
    .helpCommand(false)
    .addHelpText('after', help)
  addCreate(user, readConfig)
  user
    .command('list')
    .description('Lists the people of a workspace.')
    .option(...workspaceFlag)
    .action((flags: InWorkspace) => list(readConfig(), flags))
  user
    .command('link')
    .description('Prints a link that signs the person in once, within a day.')
    .argument('<user>', 'id of the person')
    .option(...workspaceFlag)
    .action((userId: string, flags: InWorkspace) => link(readConfig(), userId, flags))
  user
    .command('deactivate')
    .description('Shuts a person out, everywhere and at once. What they wrote stays.')
    .argument('<user>', 'id of the person')
    .option(...workspaceFlag)
    .action((userId: string, flags: InWorkspace) => deactivate(readConfig(), userId, flags))
}
