/**
 * Process that copies and checks database files for one backup or restore. In a process of its own each of that can be ended
 * at any moment, an integrity check too, and a file can be opened without SQLite: closing it would end all locks on it of the
 * process that does so (https://sqlite.org/howtocorrupt.html), the server's.
 *
 *   thread of the backup ── CopyTask (IPC) ──────────>  this process ── starts ──> integrity-worker.ts, for each check
 *                        <── progress, then an answer
 *                        ── SIGKILL ─────────────────>  when the operation is stopped, or has ended
 */
import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { copyPages, pinSnapshot, type CopyWatch } from '../db/copy-pages.ts'
import { copySettled, pinSettled } from '../db/copy-settled.ts'
import { explainForeign, openUntouched, readContents, type Contents } from '../db/inspect.ts'
import { openLive, type Db } from '../db/open.ts'
import { Fault } from '../faults.ts'
import type { CheckedFile, CheckTask, CopiedFile, CopyFileTask, CopyLiveTask, CopyTask, FromCopyProcess } from './backup-messages.ts'
import type { IntegrityPlan, IntegrityVerdict } from './integrity-worker.ts'

/** Pause between two times that a growing file is written to the disk, ms. */
const WRITE_BACK_PAUSE_MS = 50

const PIECE_BYTES = 2 ** 20

/** Bytes hashed between two reports. */
const REPORT_BYTES = 16 * PIECE_BYTES

// Where the server is gone, there is nobody to tell.
const say = (message: FromCopyProcess): void => void process.send!(message, () => undefined)

const tellPages: CopyWatch['onProgress'] = (pagesDone, pagesTotal, pageBytes) => say({ kind: 'progress', progress: { fraction: pagesDone / pagesTotal, pages: { pagesDone, pagesTotal, pageBytes } } })

/**
 * Whether what was copied passed its check, by the path of the copy: it is checked where it comes from while it is copied, on
 * another core, and the copy has the very bytes that were checked. Where it did not pass, or could not be checked there, the
 * copy is checked by itself.
 */
const checkedSources = new Map<string, Promise<boolean>>()

interface CopyRequest {
  path: string
  busyTimeoutMs: number
  /** Absent where the copy is not going to be checked. */
  settled?: IntegrityPlan['settled']
}

/** Copy what a connection reads into a new file. It is closed. */
async function copyAll(source: Db, { path, busyTimeoutMs, settled }: CopyRequest): Promise<CopiedFile> {
  let isHandedOver = false
  try {
    if (await pinSettled(source)) {
      const isSound = settled && runCheck({ path: source.name, busyTimeoutMs, settled }).then((verdict) => verdict === 'sound', () => false)
      if (isSound) checkedSources.set(path, isSound)
      isHandedOver = true
      return { sha256: await copySettled(source, path, tellPages, isSound) }
    }
    pinSnapshot(source)
    const pages = await copyPages(source, path, { busyTimeoutMs, onProgress: tellPages, checkStop: () => undefined })
    endLog(path, pages)
    return {}
  } finally {
    if (!isHandedOver) source.close()
  }
}

/** Make of a copy one file that needs no other one beside it. */
function endLog(path: string, pages: number): void {
  const copy = new Database(path, { fileMustExist: true })
  try {
    // Where it has to be on the disk it is synced later: while it is checked.
    copy.pragma('synchronous = OFF')
    copy.pragma('journal_mode = DELETE')
    const written = copy.pragma('page_count', { simple: true })
    if (written !== pages) throw new Error(`the copy has ${String(written)} pages instead of ${pages}`)
  } finally {
    copy.close()
  }
}

/** The live database as it is at this moment. */
async function copyLive({ databasePath, path, busyTimeoutMs }: CopyLiveTask): Promise<CopiedFile> {
  const endWriteBack = writeBack(path)
  try {
    return await copyAll(openLive(databasePath), { path, busyTimeoutMs, settled: 'live' })
  } finally {
    await endWriteBack()
  }
}

/** A file that somebody wants to restore, which is only read. */
async function copyFile({ from, path, busyTimeoutMs, willBeChecked }: CopyFileTask): Promise<CopiedFile> {
  try {
    return await copyAll(openUntouched(from, busyTimeoutMs), { path, busyTimeoutMs, ...(willBeChecked && { settled: 'file' }) })
  } catch (error) {
    throw explainForeign(error, from)
  }
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

/**
 * Check a file that nobody else knows, count its rows, hash it and have it on the disk, all side by side.
 * @throws Fault DATABASE_DAMAGED unless it may be, NOT_A_DATABASE, SQLITE_BUSY
 */
async function check({ path, busyTimeoutMs, isVerified, mustHash, mustSync, mayBeDamaged }: CheckTask): Promise<CheckedFile> {
  const integrity = isVerified ? Promise.resolve() : checkIntegrity({ path, busyTimeoutMs })
  const synced = mustSync ? syncFile(path) : undefined
  // Both are waited for below.
  for (const side of [integrity, synced]) side?.catch(() => undefined)
  const hashed = mustHash ? { sha256: await hash(path) } : {}
  let found: Contents & { damage?: string }
  try {
    found = count(path, busyTimeoutMs)
    await integrity
  } catch (error) {
    // What the check says goes before what was in the way of counting.
    const damage = await integrity.then(() => explainForeign(error), (fault: unknown) => fault)
    if (!mayBeDamaged || !(damage instanceof Fault) || damage.code !== 'DATABASE_DAMAGED') throw damage
    found = { tables: [], notices: [], damage: damage.message }
  }
  await synced
  return { ...hashed, ...found }
}

function count(path: string, busyTimeoutMs: number): Contents {
  const db = openUntouched(path, busyTimeoutMs)
  try {
    return readContents(db)
  } finally {
    db.close()
  }
}

async function hash(path: string): Promise<string> {
  const file = openSync(path, 'r')
  try {
    const digest = createHash('sha256')
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    const total = fstatSync(file).size
    for (let done = 0, length; (length = readSync(file, piece)) > 0;) {
      digest.update(piece.subarray(0, length))
      done += length
      if (done % REPORT_BYTES !== 0) continue
      say({ kind: 'progress', progress: { fraction: done / Math.max(total, done) } })
      await nextTurn()
    }
    return digest.digest('hex')
  } finally {
    closeSync(file)
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** @throws Fault as checkIntegrity of db/inspect.ts */
async function checkIntegrity(plan: IntegrityPlan): Promise<void> {
  if (await checkedSources.get(plan.path)) return
  const verdict = await runCheck(plan)
  if (typeof verdict === 'object') throw Fault.fromMessage(verdict)
}

function runCheck(plan: IntegrityPlan): Promise<IntegrityVerdict> {
  return new Promise((resolve, reject) => {
    new Worker(new URL('integrity-worker.ts', import.meta.url), { workerData: plan })
      .once('message', resolve)
      .once('error', reject)
      .once('exit', () => reject(new Fault('INTERNAL', 'The check stopped without a word.')))
  })
}

function perform(task: CopyTask): Promise<CopiedFile | CheckedFile | null> {
  switch (task.kind) {
    case 'copy-live': return copyLive(task)
    case 'copy-file': return copyFile(task)
    case 'check': return check(task)
    case 'check-live': return checkIntegrity({ path: task.databasePath, busyTimeoutMs: task.busyTimeoutMs }).then(() => null)
  }
}

async function answer(task: CopyTask): Promise<void> {
  try {
    say({ kind: 'done', answer: await perform(task) })
  } catch (error) {
    say({ kind: 'failed', fault: Fault.from(error).toMessage() })
  }
}

process.on('message', (task: CopyTask) => void answer(task))
// The server is gone. An exit would wait for the check.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
