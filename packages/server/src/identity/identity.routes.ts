import type { Handler, PublicHandler } from '../http.ts'
import type { Identity } from './identity.service.ts'

/** Operations on sessions and on oneself. */
export interface IdentityRoutes {
  readonly signIn: PublicHandler<'signIn'>
  readonly signInWithLink: PublicHandler<'signInWithLink'>
  readonly signOut: Handler<'signOut'>
  readonly getMe: Handler<'getMe'>
}

/** The handlers of {@link IdentityRoutes}; the browser's session is set and taken away through the exchange. */
export function identityRoutes(identity: Identity): IdentityRoutes {
  return {
    signIn: async (input, exchange) => {
      const { cookieValue, me } = await identity.signIn(input, exchange.address)
      exchange.setSession(cookieValue)
      return { me }
    },
    signInWithLink: async (input, exchange) => {
      const { cookieValue, me } = await identity.signInWithLink(input, exchange.address)
      exchange.setSession(cookieValue)
      return { me }
    },
    signOut: async (_ctx, _input, exchange, session) => {
      await identity.signOut(session)
      exchange.clearSession()
      return {}
    },
    getMe: (ctx) => identity.getMe(ctx.actor),
  }
}
