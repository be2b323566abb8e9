import { type ErrorBody, type ErrorCode, errors, isErrorCode, ParleyError } from '@parley/protocol'

type Reason = 'network' | 'timeout' | 'superseded'

/**
 * The error for a server that cannot be reached or did not answer in time: whether it acted is unknown. `superseded`: the answer came, for
 * a session or a database that is not the present one any more.
 * @param cause what was thrown, for whoever looks for the fault
 */
export function unreachable(reason: Reason, cause?: unknown): ParleyError {
  return Object.assign(new ParleyError('unavailable', 'The server cannot be reached', { reason }), { cause })
}

/** Whether a failure only means that what was asked for is of no interest any more. */
export function isSuperseded({ details }: ParleyError): boolean {
  return typeof details === 'object' && details !== null && 'reason' in details && details.reason === 'superseded'
}

/** Any failure as a ParleyError. */
export function toParleyError(error: unknown): ParleyError {
  return error instanceof ParleyError ? error : unreachable('network', error)
}

/** How long the server asks to wait, milliseconds; 0 when it does not say. */
export function retryAfter({ details }: ParleyError): number {
  if (typeof details !== 'object' || details === null || !('retryAfter' in details)) return 0
  const seconds = Number(details.retryAfter)
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0
}

/** What an answer without an error of the table means, such as one of a proxy. */
function codeOfStatus(status: number): ErrorCode {
  if (status === 408 || status === 425 || status >= 500) return 'unavailable'
  const codes = Object.keys(errors).filter(isErrorCode)
  return codes.find((code) => errors[code].status === status) ?? 'invalid'
}

/** The error of an answer that is none of success. */
export function toError(status: number, body: unknown, retryHeader: string | null): ParleyError {
  const stated = (body as Partial<ErrorBody> | null)?.error
  const code = isErrorCode(stated?.code) ? stated.code : codeOfStatus(status)
  const after = retryHeader === null || retryHeader === '' ? {} : { retryAfter: Number(retryHeader) }
  const details = typeof stated?.details === 'object' ? { ...after, ...stated.details } : after
  return new ParleyError(code, stated?.message, Object.keys(details).length > 0 ? details : undefined)
}
