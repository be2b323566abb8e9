import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const server = 'http://127.0.0.1:4400'

export default defineConfig({
  plugins: [react()],
  html: { cspNonce: 'PARLEY_NONCE' },
  build: { target: 'es2023', sourcemap: false, modulePreload: { polyfill: false } },
  server: { proxy: { '/api': server, '/socket.io': { target: server, ws: true } } },
})
