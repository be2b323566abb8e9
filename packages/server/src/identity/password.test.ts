import { ParleyError } from '@parley/protocol'
import { describe, expect, test } from 'vitest'
import { isCommonPassword } from './common-passwords.ts'
import { commonWords } from './common-words.ts'
import { networkOf } from './network.ts'
import { fitsPassword, hashPassword, requireGoodPassword } from './password.ts'

const tails = [
  '1',
  '12',
  '123',
  '1234',
  '12345',
  '!',
  '1!',
  '123!',
  '2024',
  '2025',
  '2026',
  '007',
  '69',
  '00',
  '99',
  '@123',
]

describe('password', () => {
  test('ID11 the blocklist holds far more than 3000 passwords of 8 characters and more', () => {
    const listed = commonWords
      .flatMap((word) => tails.map((tail) => `${word}${tail}`))
      .filter((value) => value.length >= 8)
    expect(new Set(listed).size).toBeGreaterThan(3000)
    expect(listed.filter((value) => !isCommonPassword(value))).toEqual([])
  })

  test.each([
    'password',
    'Password1',
    'P@ssw0rd',
    'p@$$w0rd!',
    'passw0rd123',
    '12345678',
    '123456789',
    '1234567890',
    '87654321',
    '11111111',
    '12121212',
    'abababab',
    '19871987',
    '01011990',
    'qwertyui',
    'qwertyuiop',
    'asdfghjkl',
    'poiuytrewq',
    '1qaz2wsx',
    '1q2w3e4r',
    'q1w2e3r4',
    'zaq12wsx',
    'qwerty123',
    'iloveyou',
    'iloveyou2',
    'letmein!',
    'l3tm31n!',
    'trustno1',
    'welcome1',
    'Welcome2026!',
    'Summer2025',
    'football1',
    'baseball',
    'superman',
    'passwordpassword',
    'abcdefgh',
    'abcd1234',
    'michael1',
    'princess',
    'sunshine',
    '!@#$%^&*',
    'changeme',
    'admin123',
    'Administrator1',
    'parley2026',
    'asdf1234',
    'aaaaaaaa1',
    'dragon12',
    'monkey12',
    'liverpool1',
    'blink182',
    'starwars',
  ])('ID11 %s is refused', (value) => {
    expect(isCommonPassword(value)).toBe(true)
  })

  test.each([
    'correct horse battery staple',
    'xk7Qm2-vopR',
    'the cat sat on my mat',
    'Vermilion-Ostrich-41',
    'zebra crossing 9',
    'mein kleiner grüner kaktus',
    '東京の朝は静かです',
    'J8#kd92!mmQ',
    'grandpiano&tuba',
    '839201756482',
  ])('ID11 %s is taken', (value) => {
    expect(() => requireGoodPassword(value, 'pat@example.com')).not.toThrow()
  })

  test.each(['', 'seven77', 'pat@example.com', 'PAT@example.com', 'x'.repeat(257), '👍👍👍👍👍👍👍'])(
    'ID11 %j is refused',
    (value) => {
      expect(() => requireGoodPassword(value, 'pat@example.com')).toThrow(ParleyError)
    },
  )

  test('ID11 argon2id with the recommended cost; the hash differs each time', async () => {
    const [one, two] = [await hashPassword('x'), await hashPassword('x')]
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(one).not.toBe(two)
    expect(await fitsPassword('x', one)).toBe(true)
    expect(await fitsPassword('y', one)).toBe(false)
    expect(await fitsPassword('x', null)).toBe(false)
    expect(await fitsPassword('x', undefined)).toBe(false)
  })

  test('ID11 the same characters typed on another system fit', async () => {
    expect(await fitsPassword('caf\u00e9 \ufb01ne', await hashPassword('cafe\u0301 fine'))).toBe(true)
  })
})

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
])('SEC-54 %s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
