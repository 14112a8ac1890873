import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { copyPages, pinSnapshot } from '../db/copy-pages.ts'
import { explainForeign, openUntouched, readContents, type Contents } from '../db/inspect.ts'
import { openReader, openWriter, type Db } from '../db/open.ts'
import { isRestored, openScratch, prepareForRestore } from '../db/restore-copy.ts'
import { Fault } from '../faults.ts'
import type { BackupInfo } from '../protocol.ts'
import type { CopiedFile, CopyProgress, CopyResult, RestorePlan } from './backup-messages.ts'
import { checkCopy, copyLive, reportWithin, syncFile, totalRows, type CopyTools } from './checked-copy.ts'

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
 * 1. check: the backup is copied beside it, and the copy is checked, unless it is byte for byte a backup that was checked
 *    when it was made, and made ready. The backup itself is only read.
 * 2. safety: the live database is locked against writers of every program, and only then pinned and copied, so that nothing
 *    that anybody wrote is missing in the safety copy.
 * 3. restore: the prepared copy's pages go into the live database's log, in the transaction that holds that lock, from when the
 *    safety copy's snapshot is pinned. Meanwhile that is copied and checked; nothing is committed before it has its name.
 * 4. verify: what is there now is checked and counted, while the log is copied into the database file. If it is not what was
 *    prepared, the safety copy is brought back.
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
      await verify(live, plan, prepared.contents, tools)
    } catch (error) {
      live.close()
      await bringBack(plan, safety, tools)
      const why = Fault.from(error)
      throw new Fault('SQLITE_CORRUPT', `What had been written did not pass its check, so the data were brought back as they were. ${why.message}`, { cause: error })
    } finally {
      live.close()
    }
    tools.report({ phase: 'verify', fraction: 0.9 })
    cutLog(plan.databasePath, 'TRUNCATE')
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
  const { workPath, backupPath, verifiedSha256, resizedPath, databasePath, busyTimeoutMs } = plan
  tools.report({ phase: 'check', fraction: 0 })
  let copied: CopiedFile = {}
  if (backupPath !== undefined) {
    copied = await tools.helper.perform({ kind: 'copy-file', from: backupPath, path: workPath, busyTimeoutMs, willBeChecked: verifiedSha256 === undefined }, reportWithin(tools, { phase: 'check', from: 0, to: 0.7 }))
  }
  const isVerified = copied.sha256 !== undefined && copied.sha256 === verifiedSha256
  const contents = await tools.helper.perform({ kind: 'check', path: workPath, busyTimeoutMs, isVerified, mustHash: false, mustSync: false, mayBeDamaged: false })
  tools.report({ phase: 'check', fraction: 0.9 })
  try {
    const pageSize = pageSizeOf(openReader(databasePath))
    const path = pageSizeOf(openUntouched(workPath, busyTimeoutMs)) === pageSize ? workPath : resize(workPath, resizedPath, pageSize)
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

/** @param db is closed */
function pageSizeOf(db: Db): number {
  try {
    return db.pragma('page_size', { simple: true }) as number
  } finally {
    db.close()
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
  let safety: Promise<BackupInfo> | undefined
  const keepSafetyCopy = async (copied: CopiedFile): Promise<BackupInfo> => {
    // Its progress is that of the pages that go into the live database meanwhile.
    const copy = await checkCopy(safetyPath, copied, { ...tools, report: () => undefined }, { phase: 'safety', from: 0, to: 1 }, true)
    const { tables, notices } = prepared.contents
    return await tools.ask({ kind: 'keep', copy, restored: { tables: tables.length, rows: totalRows(tables), notices } }) as BackupInfo
  }
  try {
    pinSnapshot(source)
    const report = reportWithin(tools, { phase: 'restore', from: 0, to: 1 })
    let isCopied = false
    await copyPages(source, databasePath, {
      busyTimeoutMs: tools.busyTimeoutMs,
      checkStop: () => tools.control.throwIfStopped(),
      // Until the safety copy is written, its progress is told.
      onProgress: (pagesDone, pagesTotal, pageBytes) => isCopied && report({ fraction: pagesDone / pagesTotal, pages: { pagesDone, pagesTotal, pageBytes } }),
      whileLocked: async () => {
        const pinned = Promise.withResolvers<undefined>()
        const tell = (progress: CopyProgress): void => {
          pinned.resolve(undefined)
          tools.report(progress)
        }
        const copying = copyLive(databasePath, safetyPath, { ...tools, report: tell }, { phase: 'safety', from: 0, to: 1 })
        safety = copying.then((copied) => {
          isCopied = true
          return keepSafetyCopy(copied)
        })
        // It is waited for before the commit, or where something fails before that.
        safety.catch(() => undefined)
        // What is copied has been pinned by the time that anything of it is told: pages that go into the log do not change it any more.
        await Promise.race([pinned.promise, copying])
      },
      beforeCommit: async () => {
        await safety
        if (!tools.control.beginCommit()) throw tools.control.stopFault()
      },
    })
    return await safety!
  } catch (error) {
    // Whether it is kept must not depend on how far something else has come.
    await safety?.catch(() => undefined)
    throw error
  } finally {
    source.close()
  }
}

/** @throws Fault, Error where the live database does not hold what was prepared */
async function verify(live: Db, { sessionId, databasePath, busyTimeoutMs }: RestorePlan, { tables }: Contents, { helper }: CopyTools): Promise<void> {
  if (!isRestored(live, sessionId)) throw new Error('the restored database does not hold the mark of its restore')
  const integrity = helper.perform({ kind: 'check-live', databasePath, busyTimeoutMs })
  // It is waited for below, where nothing else fails first.
  integrity.catch(() => undefined)
  const found = readContents(live).tables
  const isEqual = found.length === tables.length && found.every(({ name, rows }, index) => name === tables[index]!.name && rows === tables[index]!.rows)
  if (!isEqual) throw new Fault('DATABASE_DAMAGED', 'Tables or rows were not those of the backup.')
  cutLog(databasePath, 'PASSIVE')
  await integrity
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
 * Copy the log into the database file and, where it is truncated, empty it, as far as readers of the old content and the disk
 * allow. What is restored is safe in the log as well, and later checkpoints go on where this one stopped.
 */
function cutLog(databasePath: string, mode: 'PASSIVE' | 'TRUNCATE'): void {
  const db = openWriter(databasePath, CHECKPOINT_PATIENCE_MS)
  try {
    db.pragma(`wal_checkpoint(${mode})`)
  } catch (error) {
    const { code } = Fault.from(error)
    if (code !== 'SQLITE_FULL' && code !== 'SQLITE_BUSY') throw error
  } finally {
    db.close()
  }
}
