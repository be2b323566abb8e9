import { createHash } from 'node:crypto'
import {
  commands,
  ephemeralEvents,
  errors,
  events,
  lowestProtocolVersion,
  operations,
  protocolHistory,
  protocolVersion,
} from '@parley/protocol'
import { expect, test } from 'vitest'
import { z } from 'zod'

/**
 * The wire as it was agreed. When this test fails, the wire has changed: if that was the aim, add a line to `protocolHistory` (with a
 * higher number when clients of the lower one would break), say it in docs/api-changelog.md, and record the new hash.
 */
const agreed = { version: 1, hash: 'aff46817d0a59dafbbb2de87318a143eeb17deb5a8fb99b31df0a9ad7458572d' }

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): unknown {
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' })
}

function describeWire(): unknown {
  return {
    operations: Object.values(operations).map(({ name, method, path, access, input, output, errors: codes }) => ({
      name,
      method,
      path,
      access,
      codes,
      input: schemaOf(input, 'input'),
      parsed: schemaOf(input, 'output'),
      output: schemaOf(output, 'output'),
    })),
    events: Object.entries(events).map(([name, schema]) => [name, schemaOf(schema, 'output')]),
    ephemeral: Object.entries(ephemeralEvents).map(([name, schema]) => [name, schemaOf(schema, 'output')]),
    commands: Object.entries(commands).map(([name, { input, output }]) => [
      name,
      schemaOf(input, 'input'),
      schemaOf(output, 'output'),
    ]),
    errors: Object.entries(errors).map(([code, { status, retry }]) => [code, status, retry]),
  }
}

test('P1 the wire is the one that was agreed', () => {
  const hash = createHash('sha256').update(JSON.stringify(describeWire())).digest('hex')
  expect({ version: protocolVersion, hash }).toEqual(agreed)
})

test('P2 the history of the wire ends with the version that is spoken, and what is served is part of it', () => {
  const numbers = protocolHistory.map((line) => Number(/^(\d+): \S/.exec(line)?.[1]))
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  expect(numbers.at(-1)).toBe(protocolVersion)
  expect(numbers).toContain(lowestProtocolVersion)
})

test('P3 every operation has its own route and its own name', () => {
  const all = Object.values(operations)
  expect(new Set(all.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, ':')}`)).size).toBe(all.length)
  for (const [name, operation] of Object.entries(operations)) expect(operation.name).toBe(name)
})

test('P4 an operation takes its path parameters, and every list pages', () => {
  for (const { name, params, input, output } of Object.values(operations)) {
    const fields = Object.keys(input.shape)
    for (const param of params) expect(fields, name).toContain(param)
    const shape = output instanceof z.ZodObject ? Object.keys(output.shape) : []
    if (name.startsWith('list')) expect(fields, name).toContain('limit')
    if (name.startsWith('list')) expect(shape, name).toContain('items')
  }
})
