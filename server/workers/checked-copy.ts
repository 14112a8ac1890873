import { closeSync, fsyncSync, openSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { copyPages, pinSnapshot, type CopyWatch } from '../db/copy-pages.ts'
import { checkIntegrity, explainForeign, openUntouched, readContents, type Contents } from '../db/inspect.ts'
import { openReader } from '../db/open.ts'
import { Fault } from '../faults.ts'
import type { Control } from './control.ts'
import type { CheckedCopy, CopyProgress, CopyQuestion } from './backup-messages.ts'

/** Pause between two times that a growing file is written to the disk, ms. */
const WRITE_BACK_PAUSE_MS = 50

/** What a copying thread works with. */
export interface CopyTools {
  control: Control
  busyTimeoutMs: number
  report: (progress: CopyProgress) => void
  ask: (question: CopyQuestion) => Promise<unknown>
}

/** Part of a phase: which share of it something takes. */
export interface Span {
  phase: CopyProgress['phase']
  from: number
  to: number
}

const within = ({ from, to }: Span, fraction: number): number => from + (to - from) * fraction

/** Reports pages as progress of a span, and gives up when the operation is stopped. */
export function watchPages({ control, busyTimeoutMs, report }: CopyTools, span: Span): CopyWatch {
  return {
    busyTimeoutMs,
    checkStop: () => control.throwIfStopped(),
    onProgress: (pagesDone, pagesTotal, pageBytes) => {
      report({ phase: span.phase, fraction: within(span, pagesDone / pagesTotal), pages: { pagesDone, pagesTotal, pageBytes } })
    },
  }
}

/**
 * Copy the live database, as it is at this moment, into a new file that needs no other one beside it and is on the disk
 * when this returns.
 */
export async function copyLive(databasePath: string, path: string, tools: CopyTools, span: Span): Promise<void> {
  const live = openReader(databasePath)
  const endWriteBack = writeBack(path)
  let pages: number
  try {
    pinSnapshot(live)
    pages = await copyPages(live, path, watchPages(tools, span))
  } finally {
    live.close()
    await endWriteBack()
  }
  const copy = new Database(path, { fileMustExist: true })
  try {
    copy.pragma('journal_mode = DELETE')
    const written = copy.pragma('page_count', { simple: true })
    if (written !== pages) throw new Error(`the copy has ${String(written)} pages instead of ${pages}`)
  } finally {
    copy.close()
  }
  syncFile(path)
}

/**
 * Have what there is of a growing file written to the disk while it grows, so that the sync at its end has little left to wait
 * for. What goes wrong is left to that sync to find.
 * @returns what ends it. The file stays open until then: closing it would end SQLite's own locks on it (https://sqlite.org/howtocorrupt.html)
 */
function writeBack(path: string): () => Promise<void> {
  const grown = new AbortController()
  let file: FileHandle | undefined
  const writing = (async () => {
    while (!grown.signal.aborted) {
      await sleep(WRITE_BACK_PAUSE_MS)
      try {
        file ??= await open(path, 'r+')
        await file.datasync()
      } catch {
        continue
      }
    }
  })()
  return async () => {
    grown.abort()
    await writing
    await file?.close()
  }
}

/** Have a file's bytes on the disk, even if the power fails next. */
export function syncFile(path: string): void {
  const file = openSync(path, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Check a file that is not the live database and read what it holds. @throws Fault NOT_A_DATABASE, DATABASE_DAMAGED, SQLITE_BUSY */
export function inspect(path: string, busyTimeoutMs: number): Contents & { pageSize: number } {
  try {
    const db = openUntouched(path, busyTimeoutMs)
    try {
      // Nobody changes it between the check and the count.
      pinSnapshot(db)
      checkIntegrity(db)
      return { ...readContents(db), pageSize: db.pragma('page_size', { simple: true }) as number }
    } finally {
      db.close()
    }
  } catch (error) {
    throw explainForeign(error)
  }
}

export const totalRows = (tables: Contents['tables']): number => tables.reduce((sum, { rows }) => sum + rows, 0)

/**
 * Check and hash a copy, both at once.
 * @param mayBeDamaged whether a copy that does not pass the check is worth keeping, with what is wrong with it
 * @throws Fault DATABASE_DAMAGED, NOT_A_DATABASE
 */
export async function checkCopy(path: string, tools: CopyTools, { phase, from }: Span, mayBeDamaged = false): Promise<CheckedCopy> {
  tools.report({ phase, fraction: from })
  const hashing = tools.ask({ kind: 'hash', path, phase, fromFraction: from }) as Promise<string>
  // The check may fail first, and then nobody waits for the hash.
  hashing.catch(() => undefined)
  let found: Pick<CheckedCopy, 'tables' | 'rows' | 'notices' | 'damage'>
  try {
    const { tables, notices } = inspect(path, tools.busyTimeoutMs)
    found = { tables: tables.length, rows: totalRows(tables), notices }
  } catch (error) {
    if (!mayBeDamaged || !(error instanceof Fault) || error.code !== 'DATABASE_DAMAGED') throw error
    found = { tables: 0, rows: 0, notices: [], damage: error.message }
  }
  tools.control.throwIfStopped()
  return { path, sha256: await hashing, ...found }
}
