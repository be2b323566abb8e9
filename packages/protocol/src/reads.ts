import { z } from 'zod'
import { id, seq } from './fields.ts'
import { operation } from './operation.ts'

export const markRead = operation('markRead', {
  summary: 'Move the own read mark forward; it never goes back and never past the head',
  input: z.strictObject({ conversationId: id, seq }),
  output: z.strictObject({ readSeq: seq, unread: z.int() }),
  errors: ['not_found'],
})

export const markDelivered = operation('markDelivered', {
  summary: 'Say up to where messages have reached the device',
  input: z.strictObject({ conversationId: id, seq }),
  output: z.strictObject({ deliveredSeq: seq }),
  errors: ['not_found'],
})
