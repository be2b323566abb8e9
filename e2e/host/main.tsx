import '@parley/styles'
import { Parley } from '@parley/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

declare global {
  interface Window {
    /** The host's own way to its server, which signs its people's tokens. */
    fetchToken(): Promise<string>
  }
}

const serverUrl = new URLSearchParams(location.search).get('server') ?? ''
const place = document.getElementById('page')
if (place) {
  createRoot(place).render(
    <StrictMode>
      <h1>Orders</h1>
      <div style={{ blockSize: '640px' }}>
        <Parley serverUrl={serverUrl} getToken={() => window.fetchToken()} />
      </div>
    </StrictMode>,
  )
}
