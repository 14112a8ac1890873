import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { copyPages, pinSnapshot } from '../db/copy-pages.ts'
import { checkIntegrity, explainForeign, openUntouched, readContents, type Contents } from '../db/inspect.ts'
import { openReader, openWriter } from '../db/open.ts'
import { isRestored, openScratch, prepareForRestore } from '../db/restore-copy.ts'
import { Fault } from '../faults.ts'
import type { BackupInfo } from '../protocol.ts'
import type { CopyResult, RestorePlan } from './backup-messages.ts'
import { checkCopy, copyLive, inspect, syncFile, totalRows, watchPages, type CopyTools } from './checked-copy.ts'

/** Longest wait for readers of the old content before the log is cut back, ms. Later checkpoints do what this one cannot. */
const CHECKPOINT_PATIENCE_MS = 200

export interface RestoreTools extends CopyTools {
  /** Wait until no other writer of the app is at work, and keep them waiting. */
  takeTurn: () => Promise<void>
  endTurn: () => void
}

/**
 * Replace the live database's content by a backup's.
 *
 * 1. check: the backup is copied beside it, and the copy is checked and made ready. The backup itself is only read.
 * 2. safety: the live database is locked against writers of every program, and only then copied, so that nothing that
 *    anybody wrote is missing in the safety copy. It is checked and gets its name.
 * 3. restore: the prepared copy's pages go into the live database, in the transaction that holds that lock.
 * 4. verify: what is there now is checked and counted. If it is not what was prepared, the safety copy is brought back.
 *
 * @throws Fault or SqliteError; the data are as they were then
 */
export async function runRestore(plan: RestorePlan, tools: RestoreTools): Promise<CopyResult> {
  const prepared = await prepare(plan, tools)
  await tools.takeTurn()
  try {
    const safety = await swap(plan, prepared, tools)
    const live = openReader(plan.databasePath)
    try {
      // Taken at once: what another program writes from now on must not be held against the restore.
      pinSnapshot(live)
      await tools.ask({ kind: 'swapped' })
      syncFile(`${plan.databasePath}-wal`)
      tools.report({ phase: 'verify', fraction: 0 })
      verify(live, plan.sessionId, prepared.contents)
    } catch (error) {
      live.close()
      await bringBack(plan, safety, tools)
      const why = Fault.from(error)
      throw new Fault('SQLITE_CORRUPT', `What had been written did not pass its check, so the data were brought back as they were. ${why.message}`, { cause: error })
    } finally {
      live.close()
    }
    tools.report({ phase: 'verify', fraction: 0.9 })
    cutLog(plan.databasePath)
    const { tables, notices } = prepared.contents
    return {
      message: `Restored ${plan.name}`,
      metadata: { safetyCopy: safety.name, tables: tables.length, rows: totalRows(tables), notices: [...notices, ...noticesOf(safety)] },
    }
  } finally {
    tools.endTurn()
  }
}

const noticesOf = ({ damage }: BackupInfo): string[] =>
  damage === undefined ? [] : [`The data as they were before did not pass their check, and the safety copy holds them as they were. ${damage}`]

interface Prepared {
  path: string
  contents: Contents
}

async function prepare(plan: RestorePlan, tools: CopyTools): Promise<Prepared> {
  const { workPath, backupPath, resizedPath, databasePath, busyTimeoutMs } = plan
  tools.report({ phase: 'check', fraction: 0 })
  if (backupPath !== undefined) await copyBackup(backupPath, workPath, tools)
  tools.report({ phase: 'check', fraction: 0.5 })
  const { pageSize, ...contents } = inspect(workPath, busyTimeoutMs)
  tools.control.throwIfStopped()
  tools.report({ phase: 'check', fraction: 0.8 })
  try {
    const path = pageSize === livePageSize(databasePath) ? workPath : resize(workPath, resizedPath, livePageSize(databasePath))
    const work = openScratch(path)
    try {
      prepareForRestore(work, { sessionId: plan.sessionId, backup: plan.name, restoredAt: Date.now() })
    } finally {
      work.close()
    }
    tools.report({ phase: 'check', fraction: 1 })
    return { path, contents }
  } catch (error) {
    throw explainForeign(error)
  }
}

async function copyBackup(backupPath: string, workPath: string, tools: CopyTools): Promise<void> {
  try {
    const backup = openUntouched(backupPath, tools.busyTimeoutMs)
    try {
      pinSnapshot(backup)
      await copyPages(backup, workPath, watchPages(tools, { phase: 'check', from: 0, to: 0.5 }))
    } finally {
      backup.close()
    }
  } catch (error) {
    throw explainForeign(error)
  }
}

function livePageSize(databasePath: string): number {
  const live = openReader(databasePath)
  try {
    return live.pragma('page_size', { simple: true }) as number
  } finally {
    live.close()
  }
}

/** A database in write-ahead logging cannot change the size of its pages, so the new content has to have it. @returns where it is */
function resize(path: string, resizedPath: string, pageSize: number): string {
  const db = openScratch(path)
  try {
    db.pragma('journal_mode = DELETE')
    db.pragma(`page_size = ${pageSize}`)
    db.prepare('VACUUM INTO ?').run(resizedPath)
    return resizedPath
  } finally {
    db.close()
  }
}

async function swap(plan: RestorePlan, prepared: Prepared, tools: CopyTools): Promise<BackupInfo> {
  const { databasePath, safetyPath } = plan
  const source = new Database(prepared.path, { readonly: true, fileMustExist: true })
  let safety: BackupInfo | undefined
  try {
    pinSnapshot(source)
    await copyPages(source, databasePath, {
      ...watchPages(tools, { phase: 'restore', from: 0, to: 1 }),
      whileLocked: async () => {
        await copyLive(databasePath, safetyPath, tools, { phase: 'safety', from: 0, to: 0.6 })
        const copy = await checkCopy(safetyPath, tools, { phase: 'safety', from: 0.6, to: 1 }, true)
        const { tables, notices } = prepared.contents
        safety = await tools.ask({ kind: 'keep', copy, restored: { tables: tables.length, rows: totalRows(tables), notices } }) as BackupInfo
      },
      beforeCommit: () => {
        if (!tools.control.beginCommit()) throw tools.control.stopFault()
      },
    })
    return safety!
  } finally {
    source.close()
  }
}

/** @throws Fault, Error where the live database does not hold what was prepared */
function verify(live: Database.Database, sessionId: string, { tables }: Contents): void {
  if (!isRestored(live, sessionId)) throw new Error('the restored database does not hold the mark of its restore')
  checkIntegrity(live)
  const found = readContents(live).tables
  const isEqual = found.length === tables.length && found.every(({ name, rows }, index) => name === tables[index]!.name && rows === tables[index]!.rows)
  if (!isEqual) throw new Fault('DATABASE_DAMAGED', 'Tables or rows were not those of the backup.')
}

async function bringBack({ databasePath, safetyPath }: RestorePlan, safety: BackupInfo, tools: CopyTools): Promise<void> {
  const source = openUntouched(join(dirname(safetyPath), safety.name), tools.busyTimeoutMs)
  try {
    pinSnapshot(source)
    // It can no longer be stopped: half of the way back is no place to be.
    await copyPages(source, databasePath, { busyTimeoutMs: tools.busyTimeoutMs, checkStop: () => undefined, onProgress: () => undefined })
  } finally {
    source.close()
  }
  syncFile(`${databasePath}-wal`)
  await tools.ask({ kind: 'swapped' })
}

/**
 * Copy the log into the database file and empty it, as far as readers of the old content and the disk allow. What is
 * restored is safe in the log as well, and later checkpoints go on where this one stopped.
 */
function cutLog(databasePath: string): void {
  const db = openWriter(databasePath, CHECKPOINT_PATIENCE_MS)
  try {
    db.pragma('wal_checkpoint(TRUNCATE)')
  } catch (error) {
    const { code } = Fault.from(error)
    if (code !== 'SQLITE_FULL' && code !== 'SQLITE_BUSY') throw error
  } finally {
    db.close()
  }
}
