/** Time in Unix milliseconds. Never an order between messages. */
export type Clock = () => number

/** The system clock. */
export const systemClock: Clock = () => Date.now()

/** A clock that only goes forward, whatever is done to the system's. From an arbitrary start. */
export const steadyClock: Clock = () => performance.now()
