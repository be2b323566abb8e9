import { addParticipant, listParticipants, removeParticipant, updateParticipant } from './participant.service.ts'

/** Operations on who is in a conversation. */
export const participantRoutes = { listParticipants, addParticipant, updateParticipant, removeParticipant }
