import { ColumnTypes } from '../csv/column-types.ts'
import { detectDialect } from '../csv/dialect.ts'
import { detectEncoding } from '../csv/encoding.ts'
import { FileText } from '../csv/file-text.ts'
import { isEmpty, RecordReader, type RecordBatch } from '../csv/record-reader.ts'
import { RowFitter } from '../csv/row-fitter.ts'
import { rememberSettings } from '../db/header-settings.ts'
import { completeImport, findSameFile, insertRejects } from '../db/imports-store.ts'
import { mergeSchema } from '../db/merge.ts'
import { registerNumberText } from '../db/number-text.ts'
import type { Db } from '../db/open.ts'
import { publish, type Published } from '../db/publish.ts'
import { StagingTable } from '../db/staging-table.ts'
import { Fault } from '../faults.ts'
import type { Dialect, ImportPhase, Receipt, RejectedRow } from '../protocol.ts'
import type { Control } from './control.ts'
import type { ImportPlan, ImportProgress, ImportResult } from './messages.ts'
import type { WriteTransactions } from './write-transactions.ts'

/** Bytes that encoding and dialect are judged by. */
const SAMPLE_BYTES = 256 * 2 ** 10

/** Bytes before a file's first character beyond ASCII that are looked at with it. */
const ASCII_BEFORE = 1024

/** A batch is parsed and written in about this time, ms: often enough for a smooth bar, rarely enough to be fast. */
const TARGET_BATCH_MS = 60

const MIN_PIECE_BYTES = 64 * 2 ** 10
const MAX_PIECE_BYTES = 2 ** 20

interface Tools {
  db: Db
  writes: WriteTransactions
  control: Control
  report: (progress: ImportProgress) => void
}

/**
 * Bring a staged file into a table: analyse its first rows, write all of them to a staging table batch by batch, then
 * publish that under its final name together with the record of the import, in one transaction.
 * @throws Fault or SqliteError; nothing of the import is visible then, and its staging tables are to be dropped
 */
export async function runImport(plan: ImportPlan, tools: Tools): Promise<ImportResult> {
  const file = new FileText(plan.filePath, MAX_PIECE_BYTES)
  try {
    return await new ImportRun(plan, tools, file).run()
  } finally {
    file.close()
  }
}

class ImportRun {
  readonly #plan: ImportPlan
  readonly #tools: Tools
  readonly #file: FileText
  #phase: Exclude<ImportPhase, 'upload'> = 'analyse'
  #rowsRead = 0
  #rowsRejected = 0
  #rowsPadded = 0
  #rowsPerSecond = 0
  #pendingRejects: RejectedRow[] = []

  constructor(plan: ImportPlan, tools: Tools, file: FileText) {
    this.#plan = plan
    this.#tools = tools
    this.#file = file
  }

  async run(): Promise<ImportResult> {
    this.#report(0)
    const dialect = this.#detectDialect()
    const reader = new RecordReader(dialect, this.#plan.maxRowLength)
    const pieces = this.#pieces(reader)
    const first = pieces.next()
    if (first.done) throw new Fault('EMPTY_FILE', 'The file has no rows.')

    const fitter = new RowFitter(first.value.records, dialect, this.#plan.options.columns)
    const names = fitter.columns.map(({ name }) => name)
    const types = new ColumnTypes(fitter.columns.map(({ type }) => type))
    const rows = this.#fit(fitter, first.value, dialect.header ? 1 : 0)
    for (const row of rows) for (let column = 0; column < names.length; column++) types.observe(column, row[column]!)
    this.#report(1)

    this.#phase = 'import'
    const startedImporting = performance.now()
    const staging = await this.#tools.writes.run(() => {
      const table = new StagingTable(this.#tools.db, this.#plan.number, names, types)
      this.#write(table, rows)
      return table
    })
    this.#report(this.#fractionRead())
    for (const batch of pieces) {
      const fitted = this.#fit(fitter, batch, 0)
      await this.#tools.writes.run(() => this.#write(staging, fitted))
      this.#report(this.#fractionRead())
    }
    this.#rowsPerSecond = this.#rowsRead / Math.max((performance.now() - startedImporting) / 1000, 0.001)

    return this.#finish(staging, dialect, fitter)
  }

  #detectDialect(): Dialect {
    const { options, fileBytes } = this.#plan
    const head = this.#file.peek(SAMPLE_BYTES)
    const encoding = options.dialect.encoding ?? this.#detectEncoding(head)
    const sample = new TextDecoder(encoding).decode(head)
    if (sample.trim() === '' && head.length === fileBytes) throw new Fault('EMPTY_FILE', 'The file is empty.')
    // Where somebody named the encoding, bytes that are not in it say that it is another one.
    this.#file.decodeAs(encoding, options.dialect.encoding === undefined)
    return detectDialect(sample, encoding, options.dialect)
  }

  #detectEncoding(head: Uint8Array): string {
    const { fileBytes, asciiBytes } = this.#plan
    const encoding = detectEncoding(head, head.length === fileBytes)
    if (encoding !== 'utf-8' || asciiBytes < head.length || asciiBytes === fileBytes) return encoding
    // ASCII says nothing of what comes after it.
    return detectEncoding(this.#file.peek(SAMPLE_BYTES, Math.max(0, asciiBytes - ASCII_BEFORE)), fileBytes - asciiBytes <= SAMPLE_BYTES - ASCII_BEFORE)
  }

  /** The file's records in batches that are never empty, each as large as can be dealt with in the time meant for one. */
  * #pieces(reader: RecordReader): Generator<RecordBatch> {
    let bytes = SAMPLE_BYTES
    for (;;) {
      const startedAt = performance.now()
      const text = this.#readText(reader, bytes)
      if (text === null) break
      const batch = reader.push(text)
      if (!isEmpty(batch)) yield batch
      const elapsedMs = performance.now() - startedAt
      bytes = Math.round(Math.min(MAX_PIECE_BYTES, Math.max(MIN_PIECE_BYTES, bytes * Math.min(2, Math.max(0.5, TARGET_BATCH_MS / elapsedMs)))))
    }
    for (const batch of reader.end()) if (!isEmpty(batch)) yield batch
  }

  #readText(reader: RecordReader, bytes: number): string | null {
    try {
      return this.#file.read(bytes)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const line = reader.lineOfNextPiece + (error.line ?? 1) - 1
      throw new Fault(error.code, `${error.message} First bad byte at line ${line}. Save the file as UTF-8, or name its encoding in the options.`, { line, cause: error.cause })
    }
  }

  /** The rows of a batch that fit; the others are kept with the reason. */
  #fit(fitter: RowFitter, batch: RecordBatch, from: number): string[][] {
    const { rows, rejects, padded } = fitter.fit(batch, from)
    const [first] = rejects
    if (first && this.#plan.options.onRowError === 'abort') {
      throw new Fault('ROW_INVALID', `Line ${first.line} does not fit: ${first.reason}.`, { line: first.line })
    }
    this.#rowsRead += rows.length + rejects.length
    this.#rowsRejected += rejects.length
    this.#rowsPadded += padded
    this.#pendingRejects.push(...rejects)
    return rows
  }

  #write(staging: StagingTable, rows: string[][]): void {
    staging.insert(rows)
    insertRejects(this.#tools.db, this.#plan.number, this.#pendingRejects)
    this.#pendingRejects = []
  }

  /** Bring the staged rows to the types they need, then take the step after which everybody sees them, or nobody ever will. */
  async #finish(staging: StagingTable, dialect: Dialect, fitter: RowFitter): Promise<ImportResult> {
    const { db, writes, control } = this.#tools
    const { options: { mode, key, addColumns }, table, number } = this.#plan
    const isMerge = mode === 'append' || mode === 'upsert'
    this.#phase = isMerge ? 'merge' : 'finish'
    this.#report(0)
    const schema = isMerge ? mergeSchema(db, table, staging.columns, addColumns, key) : undefined
    const columns = schema?.stagedTypes ?? staging.columns.map(({ isUndecided: _, ...column }) => column)
    registerNumberText(db)
    if (staging.needsRewrite(columns)) {
      await staging.rewrite(columns, (work) => writes.run(work), (fraction) => this.#report(fraction * 0.4))
    }
    // The rows reach the disk before anybody is told of them, even if the power fails next.
    db.pragma('synchronous = FULL')
    return writes.run(() => {
      const published = publish(db, {
        mode, table, importNumber: number, staging, columns, rows: this.#rowsRead - this.#rowsRejected,
        ...(schema && { merge: { schema, key: mode === 'upsert' ? key : [] } }),
        report: (fraction) => {
          control.throwIfStopped()
          this.#report(0.4 + fraction * 0.5)
        },
      })
      const outcome = this.#describe(published, dialect, fitter, schema?.notices ?? [])
      rememberSettings(db, fitter.header, { ...this.#plan.options, table }, Date.now())
      completeImport(db, { ...outcome, mode, sessionId: this.#plan.sessionId, headSha256: this.#plan.headSha256, finishedAt: Date.now() })
      this.#phase = 'finish'
      this.#report(0.95)
      if (!control.beginCommit()) throw control.stopFault()
      return outcome
    })
  }

  #describe(published: Published, dialect: Dialect, fitter: RowFitter, mergeNotices: readonly string[]): { receipt: Receipt, message: string } {
    const { startedAt, sha256, fileBytes: bytes, table, number } = this.#plan
    const { inserted, updated, unchanged, tableRows } = published
    const earlier = findSameFile(this.#tools.db, sha256, number)
    const receipt: Receipt = {
      rowsRead: this.#rowsRead,
      rowsInserted: inserted,
      rowsUpdated: updated,
      rowsUnchanged: unchanged,
      rowsRejected: this.#rowsRejected,
      bytes,
      sha256,
      dialect,
      columns: [...published.columns],
      header: [...fitter.header],
      durationMs: Math.max(0, Date.now() - startedAt),
      rowsPerSecond: Math.round(this.#rowsPerSecond),
      table,
      tableRows,
      notices: [
        ...fitter.notices,
        ...mergeNotices,
        ...(this.#rowsPadded > 0 ? [`${countOf(this.#rowsPadded, 'row')} had fewer fields than the header; the missing ones are empty.`] : []),
        ...(earlier ? [`The same file was imported before, as #${earlier.number} into "${earlier.table}".`] : []),
      ],
    }
    const parts = [
      `${countOf(inserted, 'row')} added`,
      ...(updated > 0 ? [`${updated.toLocaleString('en')} updated`] : []),
      ...(unchanged > 0 ? [`${unchanged.toLocaleString('en')} unchanged`] : []),
      ...(this.#rowsRejected > 0 ? [`${this.#rowsRejected.toLocaleString('en')} rejected`] : []),
    ]
    return { receipt, message: `Imported into ${table}: ${parts.join(', ')}` }
  }

  #fractionRead(): number {
    return this.#file.offset / this.#plan.fileBytes
  }

  #report(fraction: number): void {
    this.#tools.report({
      phase: this.#phase,
      fraction,
      bytesDone: this.#phase === 'analyse' ? 0 : this.#file.offset,
      rowsDone: this.#rowsRead,
      rowsRejected: this.#rowsRejected,
    })
  }
}

const countOf = (count: number, noun: string): string => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
