import { Fault } from '../faults.ts'
import type { ColumnInfo, ImportMode } from '../protocol.ts'
import { checkReplaceable, nameExists, registerTable } from './catalogue.ts'
import { quoteIdentifier } from './identifiers.ts'
import { mergeStaged, type MergeCounts, type MergedSchema } from './merge.ts'
import type { Db } from './open.ts'
import type { StagingTable } from './staging-table.ts'
import { rememberTable, saveUndo, undoTable } from './undo.ts'

export interface PublishRequest {
  mode: ImportMode
  table: string
  importNumber: number
  staging: StagingTable
  /** The columns that the staged rows have now. */
  columns: readonly ColumnInfo[]
  /** How many rows are staged. */
  rows: number
  /** For append and upsert. */
  merge?: { schema: MergedSchema, key: readonly string[] }
  /** Told the share of the work done, 0 to 1; may throw to give up. */
  report: (fraction: number) => void
}

export type Published = MergeCounts & { tableRows: number, columns: readonly ColumnInfo[] }

/**
 * Make staged rows visible in the table they are meant for, and keep what undoing it needs. Belongs in the transaction
 * that records the import's success.
 * @throws Fault TABLE_EXISTS, KEY_NOT_UNIQUE
 */
export function publish(db: Db, request: PublishRequest): Published {
  const { mode, table, importNumber, staging, merge } = request
  if (merge) {
    const { schema, key } = merge
    const counts = mergeStaged(db, { table, staging: staging.name, importNumber, key, schema, report: request.report })
    return { ...counts, columns: schema.columns }
  }
  const before = rememberTable(db, table)
  const exists = nameExists(db, table)
  if (exists && mode === 'create') throw new Fault('TABLE_EXISTS', `A table called "${table}" came into being during this import.`)
  checkReplaceable(db, table)
  if (exists) db.exec(`ALTER TABLE ${quoteIdentifier(table)} RENAME TO ${quoteIdentifier(undoTable(importNumber))}`)
  staging.publish(table)
  registerTable(db, table, request.rows, request.columns, importNumber)
  saveUndo(db, importNumber, { kind: exists ? 'swap' : 'drop', table }, before)
  return { inserted: request.rows, updated: 0, unchanged: 0, tableRows: request.rows, columns: request.columns }
}
