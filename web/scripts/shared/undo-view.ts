/** How taking an import back reads: what goes, what is there afterwards, and that it was done. Pure. */
import type { ImportRecord } from '../../../server/protocol.ts'
import { count, dayTime, plural } from './format.ts'
import type { LedgerLine } from './receipt.ts'
import { say, type Rich } from './rich.ts'

export interface UndoView {
  kicker: Rich
  lines: LedgerLine[]
  total: LedgerLine
  note: string
}

const minus = (rows: number): string => rows === 0 ? '0' : `−${count(rows)}`

type Undoable = Pick<ImportRecord, 'number' | 'table' | 'mode' | 'rowsInserted' | 'rowsUpdated'>

/**
 * @param rowsNow in the table
 * @param rowsBefore in the table before the import, where the history tells
 */
export function undoView({ number, table, mode, rowsInserted, rowsUpdated }: Undoable, rowsNow: number, rowsBefore: number | undefined): UndoView {
  const replaces = mode === 'replace'
  const after = mode === 'create' ? 0 : replaces ? rowsBefore : rowsNow - rowsInserted
  return {
    kicker: [`Import #${number} into `, { data: table }],
    lines: [
      { label: 'Rows now', value: count(rowsNow) },
      ...(replaces && after !== undefined ? [{ label: 'Replaced by this import, put back', value: `+${count(after)}` }] : []),
      { label: 'Added by this import, removed', value: minus(mode === 'create' || replaces ? rowsNow : rowsInserted) },
    ],
    total: { label: 'Rows after undo', value: mode === 'create' ? 'no table' : after === undefined ? 'as before the import' : count(after) },
    note: [
      mode === 'create' && 'The table was made by this import and goes with its rows.',
      replaces && 'The rows from before the import come back.',
      rowsUpdated > 0 && `${plural(rowsUpdated, 'updated row')} ${rowsUpdated === 1 ? 'gets its' : 'get their'} old values back.`,
      'To redo, import the file again.',
    ].filter(Boolean).join(' '),
  }
}

/** The import before it into the same table: what that one left is what an undo brings back. */
export function importBefore({ number, table }: Pick<ImportRecord, 'number' | 'table'>, history: readonly ImportRecord[]): ImportRecord | undefined {
  return history.filter((record) => record.table === table && record.number < number && isInEffect(record)).sort((a, b) => b.number - a.number)[0]
}

export const isInEffect = ({ status, undoneAt }: Pick<ImportRecord, 'status' | 'undoneAt'>): boolean => status === 'completed' && undoneAt === undefined

/** The newest later import into the same table, which has to be undone first. */
export function blockedBy({ number, table }: Pick<ImportRecord, 'number' | 'table'>, history: readonly ImportRecord[]): number | undefined {
  const later = history.filter((record) => record.table === table && record.number > number && isInEffect(record)).map((record) => record.number)
  return later.length > 0 ? Math.max(...later) : undefined
}

/** What the history says of a completed import in its receipt. */
export interface HistoryView {
  canUndo: boolean
  note?: Rich
}

export function historyView({ undoable, undoneAt, table, mode }: ImportRecord, now: number): HistoryView {
  if (undoneAt === undefined) return { canUndo: undoable }
  const after = mode === 'create' ? ['The table is gone.'] : say`${table} is as it was before.`
  return { canUndo: false, note: [{ strong: `Undone ${dayTime(undoneAt, now)}.` }, ' ', ...after] }
}
