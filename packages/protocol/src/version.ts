/** Number of the wire protocol this build speaks. */
export const protocolVersion = 1

/** Lowest protocol number this build still serves. */
export const lowestProtocolVersion = 1

/** One line for every change of the wire, newest last. */
export const protocolHistory = [
  '1: conversations, participants, messages, notes, read and delivered marks, typing, presence, changes',
  '1: the command send-message',
  '1: the operation getStats',
  '1: listParticipants states the position it was read at',
  '1: the header parley-viewer, viewer in the handshake, and the error viewer_changed',
  '1: updateConversation may answer conversation_archived; numbers in queries are digits; details.fields has one form',
  '1: a comma or a percent sign within one of several ids is written %2C, %25',
] as const
