import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { errors, type Operation } from '@parley/protocol'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'

const errorSchema = z
  .strictObject({
    error: z.strictObject({
      code: z.enum(Object.keys(errors) as [string, ...string[]]),
      message: z.string(),
      details: z.unknown().optional(),
      requestId: z.string().optional(),
    }),
  })
  .meta({ id: 'Error' })

function mask(names: readonly string[]): Record<string, true> {
  return Object.fromEntries(names.map((name) => [name, true as const]))
}

function statusResponses(operation: Operation): Record<number, z.ZodType> {
  return Object.fromEntries(operation.errors.map((code) => [errors[code].status, errorSchema]))
}

/** An operation's schemas, split into path, query and body as HTTP carries them. */
export function operationSchema(operation: Operation): FastifySchema {
  const { input, params, method } = operation
  const names = Object.keys(input.shape)
  const rest = names.filter((name) => !params.includes(name))
  const restSchema = z.strictObject(Object.fromEntries(rest.map((name) => [name, input.shape[name]])))
  const place = method === 'GET' || method === 'DELETE' ? 'querystring' : 'body'
  return {
    operationId: operation.name,
    summary: operation.summary,
    tags: [operation.path.split('/')[3] ?? 'session'],
    ...(operation.access === 'public' ? { security: [] } : {}),
    ...(params.length > 0 ? { params: input.pick(mask(params)) } : {}),
    ...(rest.length > 0 ? { [place]: restSchema } : {}),
    response: { 200: operation.output, ...statusResponses(operation) },
  } as FastifySchema
}

/**
 * Describes the API as OpenAPI 3.1 at `/api/openapi.json`, with a page to read it at `/api/docs`.
 * Register before the routes.
 */
export async function documentOperations(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Parley', description: 'Messaging for business platforms', version: '1' },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          session: { type: 'apiKey', in: 'cookie', name: 'parley_session' },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: true,
    transformStaticCSP: (header) => header,
  })
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}
