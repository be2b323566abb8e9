import { openRedis } from '../redis.ts'
import { CommandFailure } from './failure.ts'

const askLimit = 2_000

/** Whether Redis answers. */
export async function checkRedis(url: string): Promise<string> {
  const redis = openRedis(url, askLimit)
  const failed = new Promise<never>((_, reject) => redis.once('error', reject))
  const ready = new Promise<void>((resolve) => redis.once('ready', resolve))
  try {
    await Promise.race([ready, failed])
    await Promise.race([redis.ping(), failed])
    return 'answers'
  } catch (error) {
    const { host, port } = redis.options
    throw new CommandFailure(`${host}:${port} does not answer: ${error instanceof Error ? error.message : error}`)
  } finally {
    redis.disconnect()
  }
}

/** Whether the host's keys can be fetched. */
export async function checkKeySet(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(askLimit) }).catch((error: Error) => {
    throw new CommandFailure(
      `${url} cannot be fetched: ${error.cause instanceof Error ? error.cause.message : error.message}`,
    )
  })
  const body: unknown = await answer.json().catch(() => null)
  const { keys } = (body ?? {}) as { keys?: unknown }
  if (!answer.ok || !Array.isArray(keys)) throw new CommandFailure(`${url} is no key set (${answer.status})`)
  return `${keys.length} keys`
}
