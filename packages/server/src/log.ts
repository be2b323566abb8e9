import { type DestinationStream, type Logger, pino } from 'pino'
import type { Config } from './config.ts'

/** Where secrets and people's words may stand in a log line. */
const secrets = [
  'authorization',
  'cookie',
  'token',
  'password',
  'email',
  'text',
  '*.authorization',
  '*.cookie',
  '*["set-cookie"]',
  '*.token',
  '*.password',
  '*.email',
  '*.text',
  'req.headers.authorization',
  'req.headers.cookie',
]

/**
 * A structured log, one JSON object a line, without secrets and without what people wrote.
 * @param config its level
 * @param stream where to write; standard error when left out, so that a command's output stays its own
 */
export function createLog(config: Pick<Config, 'logLevel'>, stream: DestinationStream = process.stderr): Logger {
  return pino(
    {
      level: config.logLevel,
      redact: { paths: secrets, censor: '[hidden]' },
      serializers: { error: pino.stdSerializers.err },
      base: null,
    },
    stream,
  )
}
