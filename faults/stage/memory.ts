import type { Stage } from './stage.ts'

const sampleEvery = 500
const resident = 'process_resident_memory_bytes'

/**
 * Watches the memory of all servers together while something goes on.
 * @returns what came of it, and what they took, in bytes, at regular times from the beginning on
 */
export async function memoryDuring<Result>(
  stage: Stage,
  work: () => Promise<Result>,
): Promise<{ result: Result; taken: number[] }> {
  const taken = [await stage.metric(resident)]
  const timer = setInterval(async () => {
    const [sample] = await Promise.allSettled([stage.metric(resident)])
    if (sample.status === 'fulfilled') taken.push(sample.value)
  }, sampleEvery)
  const result = await work().finally(() => clearInterval(timer))
  return { result, taken }
}

/** Bytes in whole megabytes. */
export function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}
