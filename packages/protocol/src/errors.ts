/** When a caller may try the same request again. */
export type Retry = 'never' | 'after' | 'reconnect'

interface ErrorRow {
  readonly status: number
  readonly retry: Retry
  readonly meaning: string
}

/** The one table of error codes: HTTP status, whether to retry, and what it means to the caller. */
export const errors = {
  invalid: { status: 400, retry: 'never', meaning: 'The request does not have the form the operation asks for.' },
  unauthenticated: { status: 401, retry: 'reconnect', meaning: 'There is no valid session or token.' },
  credentials_invalid: { status: 401, retry: 'never', meaning: 'The email and password do not fit together.' },
  viewer_changed: {
    status: 401,
    retry: 'reconnect',
    meaning: 'The session or token belongs to another person, or to another side, than the caller asks as.',
  },
  forbidden: { status: 403, retry: 'never', meaning: 'You can see it, but you may not do this with it.' },
  not_found: { status: 404, retry: 'never', meaning: 'It does not exist, or you may not know that it does.' },
  client_key_reused: {
    status: 409,
    retry: 'never',
    meaning: 'The client key was used before, for a message with other content.',
  },
  conversation_archived: { status: 409, retry: 'never', meaning: 'The conversation is archived. Reopen it first.' },
  link_used: { status: 410, retry: 'never', meaning: 'The sign-in link was used before or has expired.' },
  too_large: { status: 413, retry: 'never', meaning: 'The request is larger than allowed.' },
  unsupported_media_type: { status: 415, retry: 'never', meaning: 'The request body is not application/json.' },
  rate_limited: { status: 429, retry: 'after', meaning: 'Too many requests. Try again after the stated time.' },
  internal: {
    status: 500,
    retry: 'after',
    meaning: 'Something went wrong on our side. It is logged under the request id.',
  },
  unavailable: {
    status: 503,
    retry: 'after',
    meaning: 'The service cannot answer right now. What was asked for may have been done.',
  },
} as const satisfies Record<string, ErrorRow>

/** A code of the table of errors. */
export type ErrorCode = keyof typeof errors

/** What an error answer looks like, over HTTP and in a socket acknowledgement. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly details?: unknown
    readonly requestId?: string
  }
}

/** The one error class: thrown by services, turned into an answer at the edge, rebuilt by the client. */
export class ParleyError extends Error {
  readonly code: ErrorCode
  readonly details: unknown

  /**
   * @param code a code of the table
   * @param message a sentence for the caller; the meaning of the code when left out
   * @param details machine-readable facts, such as the fields at fault or `retryAfter` in seconds
   */
  constructor(code: ErrorCode, message: string = errors[code].meaning, details?: unknown) {
    super(message)
    this.name = 'ParleyError'
    this.code = code
    this.details = details
  }

  get status(): number {
    return errors[this.code].status
  }

  get retry(): Retry {
    return errors[this.code].retry
  }
}

/** A field of the input that is at fault, as `details.fields` of an `invalid` lists them. */
export interface FieldProblem {
  /** Where it is, such as `text` or `participants.0`; empty for the input as a whole. */
  readonly path: string
  readonly problem: string
}

/** The error of one field at fault, which is also what the caller is told. */
export function invalidField(path: string, problem: string): ParleyError {
  return new ParleyError('invalid', problem, { fields: [{ path, problem }] satisfies FieldProblem[] })
}

/** Whether a value is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errors, value)
}
