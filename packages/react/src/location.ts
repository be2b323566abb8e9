/** Where in the messaging one is. Hosts map it to their own router; components never touch the page's address. */
export type Location =
  | { readonly screen: 'inbox'; readonly view?: string }
  | { readonly screen: 'conversation'; readonly conversationId: string; readonly panel?: 'people' }
  | { readonly screen: 'new' }

/**
 * Goes somewhere. `replace` leaves no trace in the history. `back` is a way back: where the step before led from there, the history goes back
 * a step, else it is a `replace`.
 */
export type Navigate = (location: Location, options?: { readonly replace?: boolean; readonly back?: boolean }) => void
