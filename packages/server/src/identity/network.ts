import { isIPv6 } from 'node:net'

const mappedAddress = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** What counts as one caller: an IPv4 address, or the /64 network one IPv6 subscriber is given. */
export function networkOf(address: string): string {
  const bare = address.replace(/%.*$/, '')
  const mapped = mappedAddress.exec(bare)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(bare)) return bare
  const [head = '', tail] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`
}
