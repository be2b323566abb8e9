import { useSyncExternalStore } from 'react'
import { startOfToday, watchDay } from './today.ts'

/** When the present day began, Unix milliseconds; renders again on the next one. */
export function useToday(): number {
  return useSyncExternalStore(watchDay, startOfToday)
}
