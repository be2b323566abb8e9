import { createClient, type ParleyClient, type State } from '@parley/client'
import { setNonce } from 'get-nonce'
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useInsertionEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { Announcer } from './announcer/Announcer.tsx'

/** How the interface looks: as the system says, or fixed. */
export type Theme = 'auto' | 'light' | 'dark'

interface Surroundings {
  readonly client: ParleyClient
  /** Where menus and dialogs mount, inside the root, so that tokens reach them. */
  readonly container: HTMLElement | null
}

const SurroundingsContext = createContext<Surroundings | null>(null)

export interface MessagingProviderProps {
  /** A client made by the host; it is started here and closed by the host. */
  readonly client?: ParleyClient
  /** Where the server is; empty or left out: where the page came from. */
  readonly serverUrl?: string
  /** Gives the token the host signed for its user. */
  readonly getToken?: () => Promise<string>
  readonly theme?: Theme
  /** Of the page's Content-Security-Policy, where it asks for one: for the style that dialogs and menus add while they are open. */
  readonly nonce?: string | undefined
  readonly children: ReactNode
}

function useOwnClient({ client, serverUrl = '', getToken }: MessagingProviderProps): ParleyClient {
  const token = useRef(getToken)
  token.current = getToken
  const hasToken = getToken !== undefined
  const [mounts, setMounts] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a client that was closed does not open again
  const own = useMemo(() => {
    if (client) return client
    const ask = () => token.current?.() ?? Promise.reject(new Error('no token'))
    return createClient(hasToken ? { serverUrl, getToken: ask } : { serverUrl })
  }, [client, serverUrl, hasToken, mounts])
  useEffect(() => {
    const wasClosed = own.store.getState().connection.status === 'closed'
    if (wasClosed && !client) return setMounts((count) => count + 1)
    void own.start()
    return () => {
      if (!client) void own.close()
    }
  }, [own, client])
  return own
}

/** Gives everything below it a client, and the root that carries the tokens of the look. */
export function MessagingProvider(props: MessagingProviderProps) {
  const client = useOwnClient(props)
  const { nonce } = props
  useInsertionEffect(() => {
    if (nonce !== undefined) setNonce(nonce)
  }, [nonce])
  const [container, setContainer] = useState<HTMLElement | null>(null)
  const surroundings = useMemo(() => ({ client, container }), [client, container])
  return (
    <SurroundingsContext.Provider value={surroundings}>
      <div className="parley-root" data-parley-root="" data-theme={props.theme ?? 'auto'} ref={setContainer}>
        {props.children}
        <Announcer />
      </div>
    </SurroundingsContext.Provider>
  )
}

function useSurroundings(): Surroundings {
  const surroundings = useContext(SurroundingsContext)
  if (!surroundings) throw new Error('Parley components need a MessagingProvider around them')
  return surroundings
}

/** The client of the provider around. */
export function useClient(): ParleyClient {
  return useSurroundings().client
}

/** Where menus and dialogs mount. */
export function useContainer(): HTMLElement | null {
  return useSurroundings().container
}

/**
 * A part of what the client knows; renders again when it changes.
 * @param select a pure function whose result keeps its reference while nothing changed
 */
export function useSelect<Value>(select: (state: State) => Value): Value {
  const { store } = useClient()
  return useSyncExternalStore(store.subscribe, () => select(store.getState()))
}
