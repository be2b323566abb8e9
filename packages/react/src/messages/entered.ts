import { createContext, useContext } from 'react'

/** Whether the message around was entered: only then Tab stops at its controls, so that it never walks through a hundred links. */
export const EnteredContext = createContext(false)

/** The place in the tab order of a control inside a message. */
export function useTabIndex(): 0 | -1 {
  return useContext(EnteredContext) ? 0 : -1
}
