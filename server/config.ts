import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import proxyAddr from 'proxy-addr'
import { readRetention, type Retention } from './services/retention.ts'
import { checkCron } from './services/schedule.ts'

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
  /** How long the file of an import that can be resumed is kept. */
  readonly keepInterruptedHours: number
  /** How long a writer waits for a lock that another program holds. */
  readonly busyTimeoutMs: number
  /** How long one SQL query may work. */
  readonly queryTimeoutMs: number
  /** How much memory the process of one SQL query may take. */
  readonly maxQueryMemoryBytes: number
  /** When backups are made by themselves, as a cron expression in local time; empty for never. */
  readonly backupSchedule: string
  /** How many backups of each kind are kept, and for how long. */
  readonly keepManualBackups: Retention
  readonly keepScheduledBackups: Retention
  readonly keepSafetyCopies: Retention
  readonly keepUploadedBackups: Retention
  /** Host names, besides loopback and `host`, under which browsers may reach the server. */
  readonly allowedHosts: readonly string[]
  /** Everybody is let in where there is none. */
  readonly password: string | undefined
  /** Whether others than this machine may use it without a password. */
  readonly allowNoPassword: boolean
  readonly sessionHours: number
  /** Addresses and networks of proxies, whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies: readonly string[]
  /** Of each address other than loopback. */
  readonly maxRequestsPerMinute: number
  readonly maxSocketsPerAddress: number
  /** Less free space than this is reported by the health. */
  readonly minFreeBytes: number
  /** How long a request's body may bring no byte. */
  readonly uploadStallSeconds: number
  /** How long a client may take no byte of a download. */
  readonly downloadStallSeconds: number
}

interface Setting {
  key: keyof Config | 'passwordFile'
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

const list = (value: string): string[] => value.split(',').map((item) => item.trim()).filter(Boolean)

const networks = (value: string): string[] => {
  const given = list(value)
  try {
    proxyAddr.compile(given)
  } catch {
    throw new RangeError('addresses or networks such as 10.0.0.5 or 10.0.0.0/8, separated by commas')
  }
  return given
}

/** Text of a file, without the line end that editors put there. */
const fileText = (path: string): string | undefined => {
  if (path === '') return undefined
  let content: string
  try {
    content = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch {
    throw new RangeError('a file that can be read')
  }
  if (content === '') throw new RangeError('a file that is not empty')
  return content
}

/** One row per setting; README.md prints the same rows, held together by a test. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  PORT: { key: 'port', fallback: '8989', help: 'Port to listen on; 0 takes a free one', read: wholeNumber(0, 65_535) },
  HOST: { key: 'host', fallback: '127.0.0.1', help: 'Address to listen on', read: text },
  DATA_DIR: { key: 'dataDir', fallback: 'data', help: 'Folder of the database, its backups and uploads in progress', read: (value) => resolve(text(value)) },
  LOG_LEVEL: { key: 'logLevel', fallback: 'info', help: 'How much is logged', read: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent') },
  MAX_UPLOAD_BYTES: { key: 'maxUploadBytes', fallback: '64G', help: 'Largest file accepted', read: size(1) },
  MAX_ROW_LENGTH: { key: 'maxRowLength', fallback: '16M', help: 'Longest row accepted, in characters', read: size(1024) },
  MAX_RUNNING_IMPORTS: { key: 'maxRunningImports', fallback: '2', help: 'Imports that run side by side; others wait', read: wholeNumber(1, 16) },
  MAX_WAITING_IMPORTS: { key: 'maxWaitingImports', fallback: '100', help: 'Imports that may upload or wait at once', read: wholeNumber(1, 10_000) },
  MAX_UNDO_BYTES: { key: 'maxUndoBytes', fallback: '4G', help: 'How much is kept to undo imports; the oldest goes first', read: size(0) },
  KEEP_INTERRUPTED_HOURS: { key: 'keepInterruptedHours', fallback: '72', help: 'How long the file of an import that can be resumed is kept, hours', read: wholeNumber(0, 8760) },
  BUSY_TIMEOUT_MS: { key: 'busyTimeoutMs', fallback: '5000', help: 'How long to wait for a lock that another program holds, ms', read: wholeNumber(0, 600_000) },
  QUERY_TIMEOUT_MS: { key: 'queryTimeoutMs', fallback: '30000', help: 'How long a query of the SQL page may work, ms', read: wholeNumber(100, 3_600_000) },
  MAX_QUERY_MEMORY_BYTES: { key: 'maxQueryMemoryBytes', fallback: '512M', help: 'Memory that a query of the SQL page may take', read: size(128 * 2 ** 20) },
  BACKUP_SCHEDULE: {
    key: 'backupSchedule',
    fallback: '',
    help: 'When backups are made by themselves: a cron expression in local time, such as `0 3 * * *`',
    read: (value) => value.trim() === '' ? '' : checkCron(value.trim()),
  },
  KEEP_MANUAL_BACKUPS: { key: 'keepManualBackups', fallback: 'all', help: 'How many backups made by hand are kept: `20`, `90d` for 90 days, `20 90d` for both, or `all`', read: readRetention },
  KEEP_SCHEDULED_BACKUPS: { key: 'keepScheduledBackups', fallback: '14', help: 'The same for scheduled ones', read: readRetention },
  KEEP_SAFETY_COPIES: { key: 'keepSafetyCopies', fallback: '10 90d', help: 'The same for the copies that restores take first; none goes before its seventh day', read: readRetention },
  KEEP_UPLOADED_BACKUPS: { key: 'keepUploadedBackups', fallback: 'all', help: 'The same for uploaded ones and for files put into the folder by hand', read: readRetention },
  ALLOWED_HOSTS: {
    key: 'allowedHosts',
    fallback: '',
    help: 'Further host names browsers may use to reach it, separated by commas',
    read: (value) => list(value.toLowerCase()),
  },
  HEXTRACKR_PASSWORD: {
    key: 'password', fallback: '', help: 'Password that people sign in with; without one, everybody who reaches it is let in',
    read: (value) => value === '' ? undefined : value,
  },
  HEXTRACKR_PASSWORD_FILE: { key: 'passwordFile', fallback: '', help: 'File that holds the password instead', read: fileText },
  ALLOW_NO_PASSWORD: {
    key: 'allowNoPassword', fallback: 'false', help: '`true` lets `HOST` be an address that others reach although there is no password',
    read: (value) => oneOf('true', 'false')(value) === 'true',
  },
  SESSION_HOURS: { key: 'sessionHours', fallback: '168', help: 'How long somebody stays signed in, hours', read: wholeNumber(1, 8760) },
  TRUSTED_PROXIES: {
    key: 'trustedProxies', fallback: '', help: 'Addresses of reverse proxies whose `X-Forwarded-For` and `-Proto` are believed, separated by commas', read: networks,
  },
  MAX_REQUESTS_PER_MINUTE: {
    key: 'maxRequestsPerMinute', fallback: '6000', help: 'Requests accepted from one address in a minute; loopback is not counted', read: wholeNumber(1, 1_000_000),
  },
  MAX_SOCKETS_PER_ADDRESS: { key: 'maxSocketsPerAddress', fallback: '500', help: 'Live connections accepted from one address', read: wholeNumber(1, 100_000) },
  MIN_FREE_BYTES: { key: 'minFreeBytes', fallback: '256M', help: 'Less free space than this makes the health `degraded`', read: size(0) },
  UPLOAD_STALL_SECONDS: { key: 'uploadStallSeconds', fallback: '60', help: 'An upload that brings no byte for this long is ended, seconds', read: wholeNumber(1, 86_400) },
  DOWNLOAD_STALL_SECONDS: { key: 'downloadStallSeconds', fallback: '600', help: 'A download of which no byte is taken for this long is ended, seconds', read: wholeNumber(1, 86_400) },
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
  const { passwordFile, ...settings } = Object.fromEntries(entries) as Config & { passwordFile: string | undefined }
  const config: Config = { ...settings, password: settings.password ?? passwordFile }
  if (config.password === undefined && !config.allowNoPassword && !isLoopback(config.host)) {
    throw new Error(`HOST is ${JSON.stringify(config.host)}, which other machines can reach, but there is no password.\n`
      + 'Set HEXTRACKR_PASSWORD (or HEXTRACKR_PASSWORD_FILE), or set ALLOW_NO_PASSWORD=true if something else keeps strangers out.')
  }
  return Object.freeze(config)
}

/** Whether only this machine reaches an address to listen on. Of names, only localhost is known to mean that. */
const isLoopback = (host: string): boolean =>
  host.toLowerCase() === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')
