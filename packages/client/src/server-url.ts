import { invalidField } from '@parley/protocol'

/**
 * Where a server is, in one spelling: without the slash behind it.
 * @param given what the host wrote; empty for where the page came from
 * @throws ParleyError `invalid` when it is no http or https address, or names more than one: a server has its address to itself
 */
export function readServerUrl(given: string): string {
  if (given === '') return ''
  const url = URL.canParse(given) ? new URL(given) : null
  const isPlain = url?.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  if (url && isPlain && /^https?:$/.test(url.protocol)) return url.origin
  throw invalidField(
    'serverUrl',
    'It must be an http or https address without a path, such as https://chat.example.com',
  )
}
