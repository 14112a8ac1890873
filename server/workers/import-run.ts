import { rememberSettings } from '../db/header-settings.ts'
import { completeImport, findSameFile, insertRejects } from '../db/imports-store.ts'
import { textEncoding } from '../db/image-file.ts'
import { A_ROW, checkKept, mergeSchema } from '../db/merge.ts'
import { registerNumberText } from '../db/number-text.ts'
import type { Db } from '../db/open.ts'
import { publish, type Published } from '../db/publish.ts'
import { brokenRule, enforceForeignKeys, isBrokenReference } from '../db/rules.ts'
import { StagingTable } from '../db/staging-table.ts'
import { Fault } from '../faults.ts'
import type { ImportPhase, Receipt } from '../protocol.ts'
import type { Control } from './control.ts'
import type { ArrivedFile, ImportPlan, ImportProgress, ImportResult } from './messages.ts'
import { MAX_PIECE_BYTES, type FileSummary, type RowBatch, type RowSourcePlan } from './row-source.ts'
import { RowStream } from './row-stream.ts'
import { OwnRows, type Rows } from './rows.ts'
import type { WriteTransactions } from './write-transactions.ts'

/** A batch is written in about this time, ms: often enough for a smooth bar and for others who want to write, rarely enough to be fast. */
const TARGET_BATCH_MS = 60

const MIN_PIECE_BYTES = 64 * 2 ** 10

interface Tools {
  db: Db
  writes: WriteTransactions
  control: Control
  report: (progress: ImportProgress) => void
  /** Resolves when the file has arrived whole; rejected where it will not. */
  arrived: Promise<ArrivedFile>
}

/**
 * Bring a staged file into a table: have its rows read, write all of them to a staging table batch by batch, then publish
 * that under its final name together with the record of the import, in one transaction.
 * @throws Fault or SqliteError; nothing of the import is visible then, and its staging tables are to be dropped
 */
export async function runImport(plan: ImportPlan, tools: Tools): Promise<ImportResult> {
  const rows = openRows({ ...plan, textEncoding: textEncoding(tools.db) }, plan.readsBeside, tools.arrived)
  try {
    return await new ImportRun(plan, tools, rows).run()
  } finally {
    await rows.close()
  }
}

/** @param arrived what is never there need not be waited for */
function openRows(source: RowSourcePlan, readsBeside: boolean, arrived: Promise<unknown>): Rows {
  if (!readsBeside) return new OwnRows(source)
  const rows = new RowStream(source)
  arrived.catch((fault: unknown) => rows.fail(Fault.from(fault)))
  return rows
}

class ImportRun {
  readonly #plan: ImportPlan
  readonly #tools: Tools
  readonly #rows: Rows
  #phase: Exclude<ImportPhase, 'upload'> = 'analyse'
  #bytesDone = 0
  #rowsRead = 0
  #rowsRejected = 0
  #rowsPadded = 0
  #rowsPerSecond = 0

  constructor(plan: ImportPlan, tools: Tools, rows: Rows) {
    this.#plan = plan
    this.#tools = tools
    this.#rows = rows
  }

  async run(): Promise<ImportResult> {
    this.#report(0)
    const { columns } = await this.#rows.open()
    this.#report(1)

    this.#phase = 'import'
    const staging = new StagingTable(this.#tools.db, this.#plan.number, columns, this.#plan.imagePath)
    try {
      await this.#stage(staging)
    } finally {
      staging.close()
    }
    return this.#finish(staging, await this.#tools.arrived, this.#rows.summary)
  }

  async #stage(staging: StagingTable): Promise<void> {
    const startedAt = performance.now()
    await this.#tools.writes.run(() => staging.create())
    let bytes = MIN_PIECE_BYTES
    for (let batch; (batch = await this.#rows.read());) {
      const written = batch
      const batchStartedAt = performance.now()
      staging.take(written.image)
      await this.#tools.writes.run(() => {
        staging.insert()
        insertRejects(this.#tools.db, this.#plan.number, written.rejects)
      })
      const elapsedMs = performance.now() - batchStartedAt
      bytes = Math.round(Math.min(MAX_PIECE_BYTES, Math.max(MIN_PIECE_BYTES, bytes * Math.min(2, Math.max(0.5, TARGET_BATCH_MS / elapsedMs)))))
      this.#rows.makeRoom(bytes, written.image.pages)
      this.#count(written)
      this.#report()
    }
    this.#rowsPerSecond = this.#rowsRead / Math.max((performance.now() - startedAt) / 1000, 0.001)
  }

  #count({ image, rejects, padded, offset }: RowBatch): void {
    this.#rowsRead += image.rows + rejects.length
    this.#rowsRejected += rejects.length
    this.#rowsPadded += padded
    this.#bytesDone = offset
  }

  /** Bring the staged rows to the types they need, then take the step after which everybody sees them, or nobody ever will. */
  async #finish(staging: StagingTable, arrived: ArrivedFile, file: FileSummary): Promise<ImportResult> {
    const { db, writes, control } = this.#tools
    const { options: { mode, key, addColumns }, table, number } = this.#plan
    const isMerge = mode === 'append' || mode === 'upsert'
    this.#phase = isMerge ? 'merge' : 'finish'
    this.#report(0)
    const schema = isMerge ? mergeSchema(db, table, file.columns, addColumns, key) : undefined
    const columns = schema?.stagedTypes ?? file.columns.map(({ isUndecided: _, ...column }) => column)
    registerNumberText(db)
    if (staging.needsRewrite(columns, file.hasMisfits)) {
      await staging.rewrite(columns, (work) => writes.run(work), (fraction) => this.#report(fraction * 0.4))
    }
    const report = (fraction: number): void => {
      control.throwIfStopped()
      this.#report(0.4 + fraction * 0.5)
    }
    if (schema && !schema.isOurs) {
      checkKept(db, { table, staging: staging.name, schema, report: () => report(0) })
      enforceForeignKeys(db)
    }
    // The rows reach the disk before anybody is told of them, even if the power fails next.
    db.pragma('synchronous = FULL')
    try {
      return await writes.run(() => {
        const published = publish(db, {
          mode, table, importNumber: number, staging, columns, rows: this.#rowsRead - this.#rowsRejected,
          ...(schema && { merge: { schema, key: mode === 'upsert' ? key : [] } }),
          report,
        })
        const outcome = this.#describe(published, arrived, file, schema?.notices ?? [])
        rememberSettings(db, file.header, { ...this.#plan.options, table }, Date.now())
        completeImport(db, { ...outcome, mode, sessionId: this.#plan.sessionId, headSha256: arrived.headSha256, finishedAt: Date.now() })
        this.#phase = 'finish'
        this.#report(0.95)
        if (!control.beginCommit()) throw control.stopFault()
        return outcome
      })
    } catch (error) {
      // Foreign keys are asked for at the COMMIT, of the table that the rows go into only.
      throw isBrokenReference(error) ? brokenRule(table, A_ROW, error) : error
    }
  }

  #describe(published: Published, { bytes, sha256 }: ArrivedFile, file: FileSummary, mergeNotices: readonly string[]): { receipt: Receipt, message: string } {
    const { startedAt, table, number } = this.#plan
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
      dialect: file.dialect,
      columns: [...published.columns],
      header: [...file.header],
      durationMs: Math.max(0, Date.now() - startedAt),
      rowsPerSecond: Math.round(this.#rowsPerSecond),
      table,
      tableRows,
      notices: [
        ...file.notices,
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

  #report(fraction?: number): void {
    this.#tools.report({
      phase: this.#phase,
      ...(fraction !== undefined && { fraction }),
      bytesDone: this.#bytesDone,
      rowsDone: this.#rowsRead,
      rowsRejected: this.#rowsRejected,
    })
  }
}

const countOf = (count: number, noun: string): string => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
