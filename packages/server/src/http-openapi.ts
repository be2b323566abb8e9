import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { type ErrorCode, errors, type Operation, type OperationName, operations } from '@parley/protocol'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'

/** Answers with errors, by the codes that they may have. */
const answers = new Map<string, z.ZodType>()

function pascal(code: string): string {
  return code.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

const field = z.strictObject({ path: z.string(), problem: z.string() })
const details = z.looseObject({ fields: z.array(field).optional(), retryAfter: z.number().optional() })

function makeErrorAnswer(codes: readonly ErrorCode[], id: string): z.ZodType {
  return z
    .strictObject({
      error: z.strictObject({
        code: z.enum(codes),
        message: z.string(),
        details: details.optional(),
        requestId: z.string().optional(),
      }),
    })
    .meta({ id })
}

function errorAnswer(codes: readonly ErrorCode[]): z.ZodType {
  const id = `${codes.map(pascal).join('Or')}Error`
  const answer = answers.get(id) ?? makeErrorAnswer(codes, id)
  answers.set(id, answer)
  return answer
}

function errorAnswers(operation: Operation): Record<string, z.ZodType> {
  const byStatus = Object.groupBy(operation.errors, (code) => errors[code].status)
  return Object.fromEntries(Object.entries(byStatus).map(([status, codes = []]) => [status, errorAnswer(codes)]))
}

function mask(names: readonly string[]): Record<string, true> {
  return Object.fromEntries(names.map((name) => [name, true as const]))
}

const tags: Readonly<Record<string, string>> = { auth: 'session', me: 'session', read: 'marks', delivered: 'marks' }

/** What an operation is about: the last fixed part of its path, or the part above it. */
function tagOf({ path }: Operation): string {
  const parts = path.split('/').filter((part) => part !== '' && !part.startsWith(':'))
  const [last = '', above = ''] = parts.reverse()
  return tags[above] ?? tags[last] ?? last
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
    tags: [tagOf(operation)],
    ...(operation.access === 'public' ? { security: [] } : {}),
    ...(params.length > 0 ? { params: input.pick(mask(params)) } : {}),
    ...(rest.length > 0 ? { [place]: restSchema } : {}),
    response: { 200: operation.output, ...errorAnswers(operation) },
  } as FastifySchema
}

interface Answer {
  description?: string
  headers?: object
}

interface Description {
  paths?: Record<string, Record<string, { operationId?: string; responses?: Record<string, Answer> }>>
  components?: { schemas?: Record<string, unknown> }
}

const waiting = {
  'Retry-After': { description: 'when to try again, seconds', schema: { type: 'integer', minimum: 1 }, required: true },
}

function explainAnswer(operation: Operation, status: number, answer: Answer): void {
  const codes = operation.errors.filter((code) => errors[code].status === status)
  answer.description = codes.map((code) => errors[code].meaning).join(' Or: ') || 'Done'
  if (status === 429 || status === 503) answer.headers = waiting
}

/** Says what each status means, and where there is a time to wait. */
function explainAnswers({ paths = {} }: Description): void {
  for (const { operationId, responses = {} } of Object.values(paths).flatMap((methods) => Object.values(methods))) {
    const operation = operations[operationId as OperationName] as unknown as Operation
    for (const [status, answer] of Object.entries(responses)) explainAnswer(operation, Number(status), answer)
  }
}

/** Schemas are the same whether they are read or written: one of each is enough. */
function mergeInputs(document: Description): Description {
  const { schemas = {} } = document.components ?? {}
  const twice = Object.keys(schemas).filter((name) => Object.hasOwn(schemas, `${name}Input`))
  for (const name of twice) delete schemas[`${name}Input`]
  const merged = JSON.stringify(document).replaceAll(
    /"#\/components\/schemas\/([\w-]+)Input"/g,
    '"#/components/schemas/$1"',
  )
  return JSON.parse(merged) as Description
}

function complete(document: Description): Description {
  explainAnswers(document)
  return mergeInputs(document)
}

/**
 * Describes the API as OpenAPI 3.1 at `/api/openapi.json`, with a page to read it at `/api/docs`.
 * Register before the routes.
 * @param sessionCookie name of the session's cookie
 */
export async function documentOperations(app: FastifyInstance, sessionCookie: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Parley', description: 'Messaging for business platforms', version: '1' },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          session: { type: 'apiKey', in: 'cookie', name: sessionCookie },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => complete(jsonSchemaTransformObject(document) as Description),
  })
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: true,
    transformStaticCSP: (header) => header,
  })
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}
