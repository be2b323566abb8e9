import { type OperationInput, type OperationName, operations } from '@parley/protocol'

/** An HTTP answer as it came. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** What to put on the wire. */
export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: BodyInit
}

/** Sends a request as it is. */
export async function sendRaw(url: string, { method, path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

function queryOf(fields: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, String(value))
  return query.size === 0 ? '' : `?${query}`
}

/** How an operation's flat input travels: path parameters, then query or JSON body. */
export function requestOf<Name extends OperationName>(name: Name, input: OperationInput<Name>): RawRequest {
  const { method, path, params } = operations[name]
  const fields: Record<string, unknown> = { ...input }
  let filled: string = path
  for (const param of params) {
    filled = filled.replace(`:${param}`, encodeURIComponent(String(fields[param])))
    delete fields[param]
  }
  if (method === 'GET' || method === 'DELETE') return { method, path: `${filled}${queryOf(fields)}` }
  return { method, path: filled, headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) }
}
