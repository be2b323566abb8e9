import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { ParleyError } from '@parley/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from './config.ts'
import { errorBody } from './http.ts'
import { pageHeaders } from './http-headers.ts'
import { newSecret } from './ids.ts'

const root = join(import.meta.dirname, '../../../apps/web/dist')
const pageFile = join(root, 'index.html')

/** Stands in the built page where a nonce goes; `apps/web/vite.config.ts` puts it there. */
const placeholder = 'PARLEY_NONCE'

/** Every place of the application is the same page. */
function asksForPage({ method, url }: FastifyRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && !url.startsWith('/api/') && !/\.\w+(\?|$)/.test(url)
}

/** Sends the page with a nonce of its own: it must not be taken from a cache under the policy of another answer. */
function sendPage(reply: FastifyReply, config: Config, page: string): FastifyReply {
  const nonce = newSecret()
  return reply
    .headers({ ...pageHeaders(config, nonce), 'cache-control': 'no-cache' })
    .type('text/html; charset=utf-8')
    .send(page.replaceAll(placeholder, nonce))
}

/** Serves the application for the browser, if it is built, and answers everything that is nowhere. */
export async function serveApplication(app: FastifyInstance, config: Config): Promise<void> {
  const page = existsSync(pageFile) ? readFileSync(pageFile, 'utf8') : null
  if (page !== null) {
    const headers = pageHeaders(config)
    await app.register(fastifyStatic, {
      root,
      wildcard: false,
      index: false,
      globIgnore: ['index.html'],
      setHeaders: (reply, path) => {
        const immutable = path.includes('/assets/')
        reply.headers({ ...headers, 'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache' })
      },
    })
  }
  app.setNotFoundHandler((request, reply) => {
    if (page !== null && asksForPage(request)) return sendPage(reply, config, page)
    return reply.status(404).send(errorBody(new ParleyError('not_found'), request.id))
  })
}
