/** What pressing the button will do, in a sentence, and what stands in its way. Pure. */
import type { ColumnType, ImportPreview, PreviewColumn, TableInfo } from '../../../server/protocol.ts'
import { count, plural } from './format.ts'
import { sameName, type ImportForm } from './import-options.ts'
import { say, type Rich } from './rich.ts'

export interface Plan {
  tone: 'plain' | 'bad' | 'wait'
  /** The sentence itself. */
  lead: Rich
  /** What else is good to know. */
  rest: string
  /** One press that takes the obstacle away. */
  fix?: Fix
  /** `anyway`: it can be started, but that is not what is advised. */
  start: 'yes' | 'anyway' | 'no'
}

export type Fix =
  | { kind: 'set-text', label: 'Set it back to Text', column: string }
  | { kind: 'add-columns', label: 'Add it as a new column' | 'Add them as new columns' }
  | { kind: 'append', label: 'Append to it', table: string }
  | { kind: 'reject', label: 'Reject them instead' }
  | { kind: 'retry', label: 'Try again' }

export interface PlanInput {
  form: ImportForm
  preview: ImportPreview | undefined
  /** Why there is no preview for what the form says now. */
  error?: { code: string, message: string } | undefined
  tables: readonly TableInfo[]
}

const UNDO = 'You can undo it afterwards.'
const TYPES = {
  INTEGER: { word: 'Integer', one: 'a whole number', many: 'whole numbers' },
  REAL: { word: 'Decimal', one: 'a number', many: 'numbers' },
  TEXT: { word: 'Text', one: 'text', many: 'text' },
} as const

export const keptColumns = (preview: ImportPreview): PreviewColumn[] => preview.columns.filter(({ isSkipped }) => !isSkipped)

export const targetTable = ({ form, tables }: Pick<PlanInput, 'form' | 'tables'>): TableInfo | undefined => {
  const { mode, table } = form
  return mode === 'create' || table === undefined ? undefined : tables.find(({ name }) => sameName(name, table))
}

/** Columns of the file that the table does not have. */
export function unmatched(preview: ImportPreview, table: TableInfo): string[] {
  return keptColumns(preview).map(({ as }) => as).filter((name) => !table.columns.some((column) => sameName(column.name, name)))
}

/** Columns that can tell rows apart: those that are in the file and in the table. */
export function keyCandidates(preview: ImportPreview, table: TableInfo | undefined): string[] {
  const names = keptColumns(preview).map(({ as }) => as)
  return table ? names.filter((name) => table.columns.some((column) => sameName(column.name, name))) : []
}

/** The table that rows of this file most likely belong to: the one used last time, else one with the very same columns. */
export function likelyTable(preview: ImportPreview, tables: readonly TableInfo[]): string | undefined {
  const last = preview.remembered?.options['table']
  const known = tables.find(({ name }) => typeof last === 'string' && sameName(name, last))
  const twin = tables.find((table) => table.columns.length === keptColumns(preview).length && unmatched(preview, table).length === 0)
  return (known ?? twin ?? (tables.length === 1 ? tables[0] : undefined))?.name
}

const PATTERNS = { INTEGER: /^[+-]?\d+$/, REAL: /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i } as const

/** Whether a value is of the type that was asked for. The server decides by the same rule. */
export function fits(value: string, type: ColumnType): boolean {
  if (value === '' || type === 'TEXT') return true
  return PATTERNS[type].test(value) && (type === 'INTEGER' ? Number.isSafeInteger(Number(value)) : Number.isFinite(Number(value)))
}

/** A few words about a column's values in the preview. */
export function columnHint(preview: ImportPreview, index: number): { text: string, isBad: boolean } {
  const column = preview.columns[index]!
  const shown = preview.rows.length
  if (column.isSkipped) return { text: 'left out', isBad: false }
  if (column.misfits > 0) return { text: `${column.misfits} of ${shown} do not fit`, isBad: true }
  const values = preview.rows.map((row) => row[index] ?? '')
  const empty = values.filter((value) => value === '').length
  if (column.type === 'TEXT' && values.some((value) => /^0\d+$/.test(value)) && values.every((value) => /^\d*$/.test(value))) return { text: 'leading zeros kept', isBad: false }
  if (empty > 0) return { text: `${empty} of ${shown} empty`, isBad: false }
  return { text: shown === 0 ? 'no values' : `${shown} of ${shown}`, isBad: false }
}

export function planOf(input: PlanInput): Plan {
  const { form, preview, error, tables } = input
  if (error) return failedPlan(error)
  if (!preview) return { tone: 'wait', lead: ['Reading the first part of the file.'], rest: 'Nothing is written.', start: 'no' }
  const obstacle = form.mode === 'create' ? obstacleToCreate(form, tables) : obstacleToMerge(input, preview)
  return obstacle ?? conflict(preview) ?? stopsEarly(input, preview) ?? { tone: 'plain', start: 'yes', ...sentence(input, preview) }
}

const stop = (lead: Rich, fix?: Fix): Plan => ({ tone: 'bad', lead, rest: '', start: 'no', ...(fix && { fix }) })

function failedPlan({ code, message }: { code: string, message: string }): Plan {
  return stop([message], code === 'UNREACHABLE' ? { kind: 'retry', label: 'Try again' } : undefined)
}

function obstacleToCreate({ newTable }: ImportForm, tables: readonly TableInfo[]): Plan | undefined {
  const name = newTable?.trim()
  if (name === undefined) return undefined
  if (name === '') return stop(['The new table needs a name.'])
  const taken = tables.find((table) => sameName(table.name, name))
  return taken && stop([...say`A table called ${taken.name}`, ' exists.'], { kind: 'append', label: 'Append to it', table: taken.name })
}

function obstacleToMerge(input: PlanInput, preview: ImportPreview): Plan | undefined {
  const { form } = input
  const table = targetTable(input)
  if (!table) return stop([form.table === undefined ? 'Choose the table.' : `There is no table called ${form.table}. Choose another one.`])
  if (form.mode === 'replace') return undefined
  const strangers = unmatched(preview, table)
  const [first = ''] = strangers
  if (strangers.length === keptColumns(preview).length) return stop([...say`The file and ${table.name}`, ' have no column in common.'])
  if (strangers.length > 0 && !form.addColumns) {
    return strangers.length === 1
      ? stop(say`${first} is not a column of ${table.name}.`, { kind: 'add-columns', label: 'Add it as a new column' })
      : stop(say`${first} and ${count(strangers.length - 1)} more are not columns of ${table.name}.`, { kind: 'add-columns', label: 'Add them as new columns' })
  }
  if (form.mode !== 'upsert') return undefined
  if (form.key.length === 0) return stop(['Choose the key columns: what tells one row from another.'])
  const lost = form.key.find((name) => !keyCandidates(preview, table).some((candidate) => sameName(candidate, name)))
  return lost === undefined ? undefined : stop(say`The key column ${lost} must be in both the file and the table.`)
}

function conflict(preview: ImportPreview): Plan | undefined {
  const column = preview.columns.find(({ isSkipped, misfits }) => !isSkipped && misfits > 0)
  if (!column) return undefined
  const { word, one, many } = TYPES[column.type]
  const { misfits } = column
  return {
    tone: 'bad', rest: '', start: 'anyway', fix: { kind: 'set-text', label: 'Set it back to Text', column: column.name },
    lead: [{ data: column.as }, ` is set to ${word}, but ${count(misfits)} of the first ${plural(preview.rows.length, 'value')} ${misfits === 1 ? `is not ${one}` : `are not ${many}`}.`],
  }
}

function stopsEarly({ form }: PlanInput, { rowsRejected, rowsSampled }: ImportPreview): Plan | undefined {
  if (form.onRowError !== 'abort' || rowsRejected === 0) return undefined
  return {
    tone: 'bad', rest: '', start: 'anyway', fix: { kind: 'reject', label: 'Reject them instead' },
    lead: [`${count(rowsRejected)} of the first ${plural(rowsSampled, 'row')} ${rowsRejected === 1 ? 'does' : 'do'} not fit, and the import stops at the first one.`],
  }
}

function sentence(input: PlanInput, preview: ImportPreview): { lead: Rich, rest: string } {
  const { form } = input
  const { rowsRejected, rowsSampled } = preview
  const rejects = rowsRejected > 0 && `${count(rowsRejected)} of the first ${plural(rowsSampled, 'row')} ${rowsRejected === 1 ? 'does' : 'do'} not fit and will be rejected.`
  const rest = (words: string) => [rejects || words, UNDO].filter(Boolean).join(' ')
  if (form.mode === 'create') {
    const columns = plural(keptColumns(preview).length, 'column')
    return { lead: [...say`Creates ${form.newTable?.trim() ?? preview.suggestedTable}`, ` with ${columns}.`], rest: rest('Nothing is written until you start.') }
  }
  const table = targetTable(input)!
  if (form.mode === 'append') return { lead: say`Adds rows to ${table.name}.`, rest: rest('') }
  if (form.mode === 'upsert') return { lead: say`Updates rows with the same key in ${table.name}, adds the rest.`, rest: rest('No row is deleted.') }
  return { lead: [`Replaces all ${plural(table.rows, 'row')} in `, { data: table.name }, '.'], rest: rest('') }
}
