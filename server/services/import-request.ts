import { checkTableName } from '../db/identifiers.ts'
import { Fault, quoted } from '../faults.ts'
import type { ColumnChoice, ColumnType, Dialect, ImportMode } from '../protocol.ts'
import type { ImportOptions } from '../workers/messages.ts'

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i

/** Most lines above the header that can be left out. */
const MAX_SKIP_LINES = 10_000

const IMPORT_MODES: readonly ImportMode[] = ['create', 'append', 'replace', 'upsert']

const bad = (what: string): Fault => new Fault('BAD_OPTIONS', what)

/** The id a client chose for its import, if it chose one. @throws Fault BAD_OPTIONS */
export function readSessionId(given: unknown): string | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'string' || !UUID_V4.test(given)) throw bad('The sessionId must be a version 4 UUID.')
  return given.toLowerCase()
}

/** The import's options as they came, JSON text. @throws Fault BAD_OPTIONS, BAD_TABLE_NAME */
export function readOptions(given: unknown): ImportOptions {
  const options = parseObject(given)
  const mode = readOneOf('mode', options.mode ?? 'create', IMPORT_MODES)
  return {
    ...(options.table !== undefined && { table: checkTableName(options.table) }),
    mode,
    key: readKey(options.key, mode),
    addColumns: readFlag('addColumns', options.addColumns),
    dialect: readDialect(options),
    columns: readColumns(options.columns),
    onRowError: readOneOf('onRowError', options.onRowError ?? 'reject', ['reject', 'abort']),
  }
}

function parseObject(given: unknown): Record<string, unknown> {
  if (given === undefined || given === '') return {}
  if (typeof given !== 'string') throw bad('The options must be sent as one field of JSON text.')
  let value: unknown
  try {
    value = JSON.parse(given)
  } catch {
    throw bad('The options are not valid JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('The options must be a JSON object.')
  return value as Record<string, unknown>
}

function readOneOf<T extends string>(name: string, given: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(given as T)) throw bad(`The option "${name}" must be one of ${allowed.join(', ')}, but is ${quoted(given)}.`)
  return given as T
}

function readFlag(name: string, given: unknown): boolean {
  if (given !== undefined && typeof given !== 'boolean') throw bad(`The option "${name}" must be true or false.`)
  return given ?? false
}

/** @throws Fault KEY_REQUIRED, BAD_OPTIONS */
function readKey(given: unknown, mode: ImportMode): string[] {
  if (mode !== 'upsert') return []
  const names = typeof given === 'string' ? [given] : given ?? []
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string' && name !== '')) {
    throw bad('The option "key" must be a list of column names.')
  }
  if (names.length === 0) throw new Fault('KEY_REQUIRED', 'Name the columns that tell one row from another in the option "key".')
  return [...new Set(names as string[])]
}

const COLUMN_TYPES: readonly ColumnType[] = ['INTEGER', 'REAL', 'TEXT']

function readColumns(given: unknown): Record<string, ColumnChoice> {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw bad('The option "columns" must be an object of column names.')
  // Without a prototype, a column called "__proto__" is a column like any other.
  const choices = Object.create(null) as Record<string, ColumnChoice>
  for (const [name, value] of Object.entries(given as Record<string, unknown>)) choices[name] = readColumnChoice(name, value)
  return choices
}

function readColumnChoice(name: string, given: unknown): ColumnChoice {
  const where = `The option "columns" for ${quoted(name)}`
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw bad(`${where} must be an object.`)
  const { type, rename, skip } = given as Record<string, unknown>
  if (rename !== undefined && (typeof rename !== 'string' || rename.trim() === '')) throw bad(`${where} must rename it to text that is not empty.`)
  if (skip !== undefined && typeof skip !== 'boolean') throw bad(`${where} must say "skip" as true or false.`)
  return {
    ...(type !== undefined && { type: readOneOf('type', type, COLUMN_TYPES) }),
    ...(rename !== undefined && { rename: rename }),
    ...(skip !== undefined && { skip }),
  }
}

function readDialect(options: Record<string, unknown>): Partial<Dialect> {
  const { delimiter, quote, escape, encoding, header, skipLines } = options
  const dialect: Partial<Dialect> = {}
  if (delimiter !== undefined) {
    if (typeof delimiter !== 'string' || delimiter.length < 1 || delimiter.length > 8 || /["\r\n]/.test(delimiter)) {
      throw bad('The option "delimiter" must be 1 to 8 characters, none of them a quote or a line break.')
    }
    dialect.delimiter = delimiter
  }
  if (quote !== undefined) dialect.quote = readOneOf('quote', quote, ['"', '\'', ''])
  if (escape !== undefined) dialect.escape = readOneOf('escape', escape, ['"', '\'', '\\'])
  else if (dialect.quote) dialect.escape = dialect.quote
  if (header !== undefined) dialect.header = readFlag('header', header)
  if (skipLines !== undefined) {
    if (!Number.isInteger(skipLines) || (skipLines as number) < 0 || (skipLines as number) > MAX_SKIP_LINES) {
      throw bad(`The option "skipLines" must be a whole number from 0 to ${MAX_SKIP_LINES}.`)
    }
    dialect.skipLines = skipLines as number
  }
  if (encoding !== undefined) dialect.encoding = readEncoding(encoding)
  return dialect
}

function readEncoding(given: unknown): string {
  try {
    if (typeof given === 'string') return new TextDecoder(given).encoding
  } catch {
    // Not a label of the WHATWG Encoding Standard.
  }
  throw bad(`The option "encoding" must name an encoding, such as utf-8 or windows-1252, but is ${quoted(given)}.`)
}
