/** What a person decides about an import: as the form holds it, as the server takes it, as the server remembers it. Pure. */
import type { ColumnChoice, Dialect, ImportMode, ImportTarget, TableInfo } from '../../../server/protocol.ts'

/** The options of POST /api/imports. Each is detected where absent. */
export interface ImportOptions {
  table?: string
  mode?: ImportMode
  key?: string[]
  addColumns?: boolean
  delimiter?: string
  quote?: string
  escape?: string
  encoding?: string
  header?: boolean
  skipLines?: number
  columns?: Record<string, ColumnChoice>
  onRowError?: RowErrorRule
}

export type RowErrorRule = 'reject' | 'abort'

/** How the file is read, as far as a person decided it. */
export type Reading = Partial<Pick<Dialect, 'delimiter' | 'quote' | 'escape' | 'encoding' | 'header' | 'skipLines'>>

export interface ImportForm {
  mode: ImportMode
  /** Name of the table to be made; undefined as long as the suggested one will do. */
  newTable: string | undefined
  /** The existing table that the other modes speak of. */
  table: string | undefined
  /** Names that the columns have in the table. */
  key: string[]
  addColumns: boolean
  reading: Reading
  /** By the file's own names. */
  columns: Record<string, ColumnChoice>
  onRowError: RowErrorRule
}

/** Everything as detected. */
export const detectedForm = (): ImportForm => ({
  mode: 'create', newTable: undefined, table: undefined, key: [], addColumns: false, reading: {}, columns: {}, onRowError: 'reject',
})

/** SQLite compares names without the case of ASCII letters. */
const fold = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
export const sameName = (a: string, b: string): boolean => fold(a) === fold(b)

/** The choice without what says nothing; undefined where nothing is left. */
function tidy(name: string, { type, rename, skip }: ColumnChoice): ColumnChoice | undefined {
  const wanted = rename?.trim()
  const choice: ColumnChoice = { ...(type && { type }), ...(wanted && wanted !== name && { rename: wanted }), ...(skip && { skip }) }
  return Object.keys(choice).length > 0 ? choice : undefined
}

export function columnChoices(columns: Record<string, ColumnChoice>): Record<string, ColumnChoice> | undefined {
  const entries = Object.entries(columns).flatMap(([name, choice]) => {
    const kept = tidy(name, choice)
    return kept ? [[name, kept] as const] : []
  })
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

/** Only what was decided is said; everything else stays for the server to detect. */
export function optionsOf(form: ImportForm): ImportOptions {
  const { mode, newTable, table, key, addColumns, reading, onRowError } = form
  const wanted = mode === 'create' ? newTable?.trim() : table
  const columns = columnChoices(form.columns)
  return {
    ...(wanted && { table: wanted }),
    mode,
    ...(mode === 'upsert' && { key }),
    ...(addColumns && (mode === 'append' || mode === 'upsert') && { addColumns }),
    ...reading,
    ...(columns && { columns }),
    ...(onRowError === 'abort' && { onRowError }),
  }
}

/** The part of the options that a preview depends on. A new table's name is in it because the server checks names. */
export function previewOptionsOf(form: ImportForm): ImportOptions {
  const columns = columnChoices(form.columns)
  const name = form.mode === 'create' ? form.newTable?.trim() : undefined
  return { ...(name && { table: name }), ...form.reading, ...(columns && { columns }) }
}

/** The form that `optionsOf` made the options from. */
export function formOf(options: ImportOptions): ImportForm {
  const { mode = 'create', table, key = [], addColumns = false, columns = {}, onRowError = 'reject', ...reading } = options
  return {
    mode, newTable: mode === 'create' ? table : undefined, table: mode === 'create' ? undefined : table,
    key: [...key], addColumns, reading, columns: { ...columns }, onRowError,
  }
}

const MODES: readonly unknown[] = ['create', 'append', 'replace', 'upsert']
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The form for what the server remembers of the last file with the same header. It names its table as that became; a table
 * that is there now cannot be created again, so the suggested name stays.
 */
export function formOfRemembered(remembered: Record<string, unknown>, tables: readonly Pick<TableInfo, 'name'>[]): ImportForm {
  const { mode, table, key, addColumns, dialect, columns, onRowError } = remembered
  const form = formOf({
    mode: MODES.includes(mode) ? mode as ImportMode : 'create',
    ...(typeof table === 'string' && { table }),
    key: Array.isArray(key) ? key.filter((name) => typeof name === 'string') : [],
    addColumns: addColumns === true,
    ...(isObject(dialect) && readingOf(dialect)),
    columns: isObject(columns) ? columns as Record<string, ColumnChoice> : {},
    onRowError: onRowError === 'abort' ? 'abort' : 'reject',
  })
  const exists = (name: string | undefined) => name !== undefined && tables.some((known) => sameName(known.name, name))
  if (form.mode === 'create') return exists(form.newTable) ? { ...form, newTable: undefined } : form
  return exists(form.table) ? form : { ...form, mode: 'create', newTable: form.table, table: undefined, key: [] }
}

function readingOf({ delimiter, quote, escape, encoding, header, skipLines }: Record<string, unknown>): Reading {
  return {
    ...(typeof delimiter === 'string' && { delimiter }),
    ...(typeof quote === 'string' && { quote }),
    ...(typeof escape === 'string' && { escape }),
    ...(typeof encoding === 'string' && { encoding }),
    ...(typeof header === 'boolean' && { header }),
    ...(typeof skipLines === 'number' && { skipLines }),
  }
}

/** Rows of a corrected rejects file go back to where they belong. */
export const formOfTarget = (form: ImportForm, { table, mode, key }: ImportTarget): ImportForm => ({ ...form, mode, table, key: [...key] })

export const sameOptions = (a: ImportForm, b: ImportForm): boolean => canonical(optionsOf(a)) === canonical(optionsOf(b))

function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1)) : part)
}
