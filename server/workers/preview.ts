import { createHash } from 'node:crypto'
import { ColumnTypes } from '../csv/column-types.ts'
import { detectDialect } from '../csv/dialect.ts'
import { detectEncoding } from '../csv/encoding.ts'
import { isEmpty, RecordReader } from '../csv/record-reader.ts'
import { whyNotCsv } from '../csv/not-csv.ts'
import { misfit, REJECT_COLUMNS, RowFitter } from '../csv/row-fitter.ts'
import { nameExists } from '../db/catalogue.ts'
import { recallSettings, targetOfRejects } from '../db/header-settings.ts'
import { tableNameFromFile } from '../db/identifiers.ts'
import { findLikelySameFile } from '../db/imports-store.ts'
import type { Db } from '../db/open.ts'
import { Fault } from '../faults.ts'
import type { ImportPreview } from '../protocol.ts'
import { uniqueName } from '../unique-name.ts'
import type { ImportOptions } from './messages.ts'

/** Rows that a preview shows. */
const ROWS_SHOWN = 20

export interface PreviewRequest {
  filename: string
  /** The first piece of the file. */
  head: Uint8Array
  /** Size of the whole file, where the client said so. */
  fileBytes?: number
  options: ImportOptions
  maxRowLength: number
}

/**
 * What an import of a file would do, by its first piece. Nothing is stored.
 * @throws Fault EMPTY_FILE, NOT_CSV, and what the import itself would find in the first piece
 */
export function previewImport(db: Db, { filename, head, fileBytes, options, maxRowLength }: PreviewRequest): ImportPreview {
  const obstacle = whyNotCsv(head)
  if (obstacle !== null) throw new Fault('NOT_CSV', obstacle)
  const isWhole = fileBytes === undefined || fileBytes <= head.length
  const encoding = options.dialect.encoding ?? detectEncoding(head, isWhole)
  const sample = new TextDecoder(encoding).decode(head, { stream: !isWhole })
  const dialect = detectDialect(sample, encoding, options.dialect)

  const reader = new RecordReader(dialect, maxRowLength)
  const batches = [reader.push(sample)]
  // The last record of a piece may go on in the next one; it counts only where there is nothing else to show.
  if (isWhole || batches[0]!.records.length < 2) batches.push(...reader.end())
  const [first, ...more] = batches.filter((batch) => !isEmpty(batch))
  if (!first) throw new Fault('EMPTY_FILE', 'The file has no rows.')

  const all = new RowFitter(first.records, dialect)
  const fitter = new RowFitter(first.records, dialect, options.columns)
  const types = new ColumnTypes(all.header.map((name) => options.columns[name]?.type))
  const nullable = all.header.map(() => false)
  const rows: string[][] = []
  let rowsSampled = 0
  let rowsRejected = 0
  for (const [index, batch] of [first, ...more].entries()) {
    const from = index === 0 && dialect.header ? 1 : 0
    rowsRejected += fitter.fit(batch, from).rejects.length
    rowsSampled += batch.records.length + batch.rejects.length - from
    for (const record of batch.records.slice(from)) {
      for (let column = 0; column < all.header.length; column++) {
        const value = record[column] ?? ''
        const bytes = Buffer.from(value)
        types.observe(column, bytes, 0, bytes.length)
        nullable[column] ||= value === ''
      }
      if (rows.length < ROWS_SHOWN) rows.push(all.header.map((_, column) => record[column] ?? ''))
    }
  }

  const landings = new Map(fitter.columns.map((column) => [column.index, column]))
  const isRejects = REJECT_COLUMNS.every((name) => all.header.includes(name))
  const target = isRejects ? targetOfRejects(db, all.header.filter((name) => !(REJECT_COLUMNS as readonly string[]).includes(name))) : undefined
  const remembered = recallSettings(db, all.header)
  const sameAs = fileBytes === undefined
    ? undefined
    : findLikelySameFile(db, createHash('sha256').update(head).digest('hex'), fileBytes)
  return {
    dialect,
    columns: types.describe(all.header).map((column, index) => {
      const landing = landings.get(index)
      return {
        ...column,
        nullable: nullable[index]!,
        as: landing?.name ?? column.name,
        isSkipped: !landing,
        misfits: landing ? rows.filter((row) => misfit(landing, row[index]!) !== undefined).length : 0,
      }
    }),
    rows,
    suggestedTable: target?.table ?? uniqueName(tableNameFromFile(filename), (name) => nameExists(db, name)),
    rowsSampled,
    rowsRejected,
    notices: [...fitter.notices],
    ...(target && { target }),
    ...(remembered && { remembered }),
    ...(sameAs && { sameAs }),
  }
}
