import { resolve } from 'node:path'

/** Everything that can be set from outside, validated. Sizes are bytes and times milliseconds, as the names say. */
export interface Config {
  readonly port: number
  readonly host: string
  readonly dataDir: string
  readonly logLevel: string
  readonly maxUploadBytes: number
  /** Longest row accepted, in characters of text. */
  readonly maxRowLength: number
  /** Imports that run side by side; the others wait their turn. */
  readonly maxRunningImports: number
  readonly maxWaitingImports: number
  /** How much may be kept to undo imports, all together. */
  readonly maxUndoBytes: number
  /** How long a writer waits for a lock that another program holds. */
  readonly busyTimeoutMs: number
  /** Host names, besides loopback and `host`, under which browsers may reach the server. */
  readonly allowedHosts: readonly string[]
}

interface Setting {
  key: keyof Config
  fallback: string
  help: string
  read: (text: string) => Config[keyof Config]
}

const wholeNumber = (min: number, max: number) => (text: string): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) throw new RangeError(`a whole number from ${min} to ${max}`)
  return value
}

const UNITS = { '': 1, 'k': 2 ** 10, 'm': 2 ** 20, 'g': 2 ** 30, 't': 2 ** 40 } as const

const size = (min: number) => (text: string): number => {
  const match = /^(\d+)([kmgt]?)$/i.exec(text)
  const value = match ? Number(match[1]) * UNITS[match[2]!.toLowerCase() as keyof typeof UNITS] : NaN
  if (!(value >= min && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`a size of at least ${min}, such as 500M or 10G`)
  return value
}

const text = (value: string): string => {
  if (value.trim() === '') throw new RangeError('not empty')
  return value.trim()
}

const oneOf = (...allowed: string[]) => (value: string): string => {
  if (!allowed.includes(value)) throw new RangeError(`one of ${allowed.join(', ')}`)
  return value
}

/** One row per setting; README.md prints the same rows, held together by a test. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  PORT: { key: 'port', fallback: '8989', help: 'Port to listen on; 0 takes a free one', read: wholeNumber(0, 65_535) },
  HOST: { key: 'host', fallback: '127.0.0.1', help: 'Address to listen on', read: text },
  DATA_DIR: { key: 'dataDir', fallback: 'data', help: 'Folder of the database and of uploads in progress', read: (value) => resolve(text(value)) },
  LOG_LEVEL: { key: 'logLevel', fallback: 'info', help: 'How much is logged', read: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent') },
  MAX_UPLOAD_BYTES: { key: 'maxUploadBytes', fallback: '64G', help: 'Largest file accepted', read: size(1) },
  MAX_ROW_LENGTH: { key: 'maxRowLength', fallback: '16M', help: 'Longest row accepted, in characters', read: size(1024) },
  MAX_RUNNING_IMPORTS: { key: 'maxRunningImports', fallback: '2', help: 'Imports that run side by side; others wait', read: wholeNumber(1, 16) },
  MAX_WAITING_IMPORTS: { key: 'maxWaitingImports', fallback: '100', help: 'Imports that may upload or wait at once', read: wholeNumber(1, 10_000) },
  MAX_UNDO_BYTES: { key: 'maxUndoBytes', fallback: '4G', help: 'How much is kept to undo imports; the oldest goes first', read: size(0) },
  BUSY_TIMEOUT_MS: { key: 'busyTimeoutMs', fallback: '5000', help: 'How long to wait for a lock that another program holds, ms', read: wholeNumber(0, 600_000) },
  ALLOWED_HOSTS: {
    key: 'allowedHosts',
    fallback: '',
    help: 'Further host names browsers may use to reach it, separated by commas',
    read: (value) => value.split(',').map((host) => host.trim().toLowerCase()).filter(Boolean),
  },
}

/**
 * The only reader of the environment.
 * @throws Error naming every setting that cannot be used, its value and what would be right
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const wrong: string[] = []
  const entries = Object.entries(SETTINGS).map(([name, { key, fallback, read }]) => {
    const given = env[name] ?? fallback
    try {
      return [key, read(given)]
    } catch (error) {
      wrong.push(`${name} is ${JSON.stringify(given)}, but must be ${(error as Error).message}`)
      return [key, undefined]
    }
  })
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  return Object.freeze(Object.fromEntries(entries) as Config)
}
