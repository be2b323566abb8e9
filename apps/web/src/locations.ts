import type { Location } from '@parley/react'

/** The address of a place in the messaging. */
export function pathOf(location: Location): string {
  switch (location.screen) {
    case 'inbox':
      return location.view === undefined || location.view === 'all' ? '/inbox' : `/inbox/${location.view}`
    case 'conversation': {
      const conversation = `/c/${encodeURIComponent(location.conversationId)}`
      return location.panel === undefined ? conversation : `${conversation}/panel/${location.panel}`
    }
    case 'new':
      return '/new'
  }
}
