import type { Services } from './context.ts'
import { errorBody, toParleyError } from './http.ts'
import { sendHere } from './messages/send.service.ts'
import type { Errand, Reply } from './siblings.ts'

/** Sends here what other processes of this machine ask for. */
export function serveSiblings(services: Services): void {
  const reply = async ({ actor, input }: Errand): Promise<Reply> => {
    try {
      return await sendHere({ ...services, actor }, input)
    } catch (error) {
      const known = toParleyError(error)
      if (known.code === 'internal') services.log.error({ error }, 'unexpected error')
      return errorBody(known)
    }
  }
  services.siblings?.onAsk(reply)
}
