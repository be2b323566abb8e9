import type { Context, Services } from '../context.ts'
import { updateConversation } from '../conversations/conversation.service.ts'
import type { Scope } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import type { Identity } from '../identity/identity.service.ts'
import { createConversation } from '../inbox/create-conversation.service.ts'
import { deleteMessage, editMessage, getMessage } from '../messages/message.service.ts'
import { sendMessage } from '../messages/send-anywhere.service.ts'
import { markDelivered, markRead } from '../reads/read.service.ts'
import { defaultWorkspaceId } from '../workspaces/workspace.service.ts'
import { demoConversations } from './demo.content.ts'
import { type DemoUserId, demoUsers, demoWorkspaceName } from './demo-people.ts'
import type { DemoConversation, DemoMessage, DemoStatus } from './demo-script.ts'
import { momentOf } from './demo-time.ts'

/** Somebody to sign in as. */
export interface DemoPerson {
  readonly name: string
  /** What they are, for a person to read. */
  readonly role: string
  /** A one-time sign-in token. */
  readonly token: string
}

const workspaceId = defaultWorkspaceId
const scope: Scope = { kind: 'system', workspaceId }

const anyone = statement('demo-anyone', 'select 1 from users where workspace_id = $1 limit 1')

const agedMessages = statement(
  'demo-age-messages',
  `update messages m set created_at = x.at,
     edited_at = case when m.edited_at is not null then x.at + interval '4 minutes' end,
     deleted_at = case when m.deleted_at is not null then x.at + interval '1 minute' end
   from (select id, row_number() over (order by seq) as place from messages
         where workspace_id = $1 and conversation_id = $2) placed
     join unnest($3::timestamptz[]) with ordinality as x(at, place) using (place)
   where m.workspace_id = $1 and m.id = placed.id`,
)

const agedParticipants = statement(
  'demo-age-participants',
  'update participants set joined_at = $3 where workspace_id = $1 and conversation_id = $2',
)

const agedConversation = statement(
  'demo-age-conversation',
  `update conversations set created_at = $3, activity_at = $4, public_activity_at = $5
   where workspace_id = $1 and id = $2`,
)

function actAs(services: Services, id: DemoUserId): Context {
  return { ...services, actor: { workspaceId, userId: id, role: demoUsers[id].role } }
}

function isMessage(step: DemoMessage | DemoStatus): step is DemoMessage {
  return 'text' in step
}

function audienceOf(message: DemoMessage): 'team' | 'everyone' {
  return message.note ? 'team' : 'everyone'
}

/** The messages of a conversation being played, with their ids. */
type Played = readonly { readonly message: DemoMessage; readonly id: string }[]

async function open(services: Services, conversation: DemoConversation): Promise<{ id: string; firstId: string }> {
  const { key, kind, subject, context, people, opening, direct = false } = conversation
  const { conversation: opened } = await createConversation(actAs(services, opening.by), {
    clientKey: `demo:${key}`,
    kind,
    subject,
    context,
    direct,
    participants: [...people],
    firstMessage: { clientKey: `demo:${key}:0`, text: opening.before ?? opening.text, audience: audienceOf(opening) },
  })
  return { id: opened.conversation.id, firstId: opened.lastMessage?.id ?? '' }
}

async function send(
  services: Services,
  conversationId: string,
  clientKey: string,
  message: DemoMessage,
  played: Played,
) {
  const ctx = actAs(services, message.by)
  const replyTo = played.find((earlier) => earlier.message.as !== undefined && earlier.message.as === message.quote)?.id
  const text = message.before ?? message.text
  const sent = await sendMessage(ctx, { conversationId, clientKey, text, audience: audienceOf(message), replyTo })
  const { id: messageId } = sent.message
  if (message.before !== undefined) await editMessage(ctx, { messageId, text: message.text })
  if (message.deleted) await deleteMessage(ctx, { messageId })
  return messageId
}

async function play(services: Services, conversation: DemoConversation, id: string, firstId: string): Promise<Played> {
  const played = [{ message: conversation.opening, id: firstId }]
  for (const [index, step] of conversation.steps.entries()) {
    if (!isMessage(step)) {
      await updateConversation(actAs(services, step.by), { conversationId: id, status: step.status })
      continue
    }
    const clientKey = `demo:${conversation.key}:${index + 1}`
    played.push({ message: step, id: await send(services, id, clientKey, step, played) })
  }
  return played
}

async function markReads(services: Services, conversation: DemoConversation, conversationId: string, played: Played) {
  for (const person of conversation.people) {
    const ctx = actAs(services, person)
    const unread = conversation.unread?.[person] ?? 0
    const visible = played.filter(({ message }) => !message.note || ctx.actor.role !== 'external')
    const lastRead = unread === 0 ? undefined : visible.at(-1 - unread)
    await markDelivered(ctx, { conversationId, seq: Number.MAX_SAFE_INTEGER })
    const seq = lastRead && (await getMessage(ctx, { messageId: lastRead.id })).message.seq
    await markRead(ctx, { conversationId, seq: seq ?? Number.MAX_SAFE_INTEGER })
  }
}

/** Sets the times back: services write now, and only now. */
async function age({ db, clock }: Services, { opening, steps }: DemoConversation, id: string): Promise<void> {
  const timed = [opening, ...steps].map((step) => ({ step, at: momentOf(step.at, clock()) }))
  const said = timed.filter(({ step }) => isMessage(step))
  const heard = said.filter(({ step }) => isMessage(step) && !step.note)
  const start = timed[0]?.at
  await db.transaction('write', scope, async (tx) => {
    await tx.query(agedMessages, [workspaceId, id, timed.map(({ at }) => at)])
    await tx.query(agedParticipants, [workspaceId, id, start])
    await tx.query(agedConversation, [workspaceId, id, start, said.at(-1)?.at, heard.at(-1)?.at])
  })
}

async function seedConversation(services: Services, conversation: DemoConversation): Promise<void> {
  const { id, firstId } = await open(services, conversation)
  const played = await play(services, conversation, id, firstId)
  await markReads(services, conversation, id, played)
  await age(services, conversation, id)
}

const guests: readonly { readonly id: DemoUserId; readonly role: string }[] = [
  { id: 'ana', role: 'administrator' },
  { id: 'luis', role: 'team member' },
  { id: 'dana', role: `client, ${demoUsers.dana.organization.name}` },
]

/**
 * Fills an empty default workspace with a small agency, its clients and their conversations, through the services everybody uses.
 * @returns three people to sign in as, or null when there is somebody in the workspace already
 */
export async function seedDemo(services: Services, identity: Identity): Promise<DemoPerson[] | null> {
  const known = await services.db.read(scope, anyone, [workspaceId])
  if (known.length > 0) return null
  for (const user of Object.values(demoUsers)) {
    await identity.createUser({ ...user, workspace: workspaceId, workspaceName: demoWorkspaceName })
  }
  for (const conversation of demoConversations) await seedConversation(services, conversation)
  return Promise.all(
    guests.map(async ({ id, role }) => ({
      name: demoUsers[id].name,
      role,
      token: await identity.createSignInLink(workspaceId, id),
    })),
  )
}
