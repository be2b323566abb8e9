import { invalidField } from '@parley/protocol'
import { expect, test } from 'vitest'
import { createClient } from '../src/client.ts'
import { readServerUrl } from '../src/server-url.ts'

test.each([
  ['', ''],
  ['https://chat.example.com', 'https://chat.example.com'],
  ['https://chat.example.com/', 'https://chat.example.com'],
  ['HTTP://Localhost:4400/', 'http://localhost:4400'],
])('CL-25 an address is read in one spelling: %j', (given, read) => {
  expect(readServerUrl(given)).toBe(read)
})

test.each([
  'chat.example.com',
  'localhost:4400',
  '/',
  'ws://chat.example.com',
  'https://chat.example.com/parley',
  'https://a.example?b',
])('CL-25 what is no address of a server is refused at once: %j', (serverUrl) => {
  const problem = 'It must be an http or https address without a path, such as https://chat.example.com'
  expect(() => createClient({ serverUrl })).toThrow(invalidField('serverUrl', problem))
})
