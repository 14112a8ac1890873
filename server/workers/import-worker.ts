/**
 * Thread of one import. It alone reads the file and writes the rows; the main thread hears of its progress and grants
 * the turns to write:
 *
 *   main  ── plan (workerData) ──>  worker
 *         <── want-turn ──          before a transaction
 *         ── turn ──>
 *         ── turn-wanted ──>        where somebody else waits
 *         <── end-turn ──           after the commit or rollback that follows, or when the thread does not write for a while
 *         <── progress ──           after each batch
 *         <── ask ──                at its beginning, for what the whole file is known by
 *         ── answer ──>             when that has arrived, or will not
 *         <── completed | failed ── once, then the thread ends
 */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { dropStagingTables } from '../db/catalogue.ts'
import { deleteRejects, keepsFile } from '../db/imports-store.ts'
import { openWriter, type Db } from '../db/open.ts'
import { keepReferencesByName } from '../db/rules.ts'
import { pruneUndo } from '../db/undo.ts'
import { Fault } from '../faults.ts'
import { workInBackground } from './background.ts'
import { Control, INTERRUPTED } from './control.ts'
import { runImport } from './import-run.ts'
import { MainThread } from './main-thread.ts'
import type { ArrivedFile, ImportPlan, ImportProgress, ImportQuestion, ImportResult } from './messages.ts'
import { WriteTransactions } from './write-transactions.ts'

workInBackground()

/** Longest uninterruptible wait for another program's lock, ms: a stop is noticed between two of them. */
const BUSY_SLICE_MS = 200

/** Pause between two tries to clean up while another program holds the lock, ms. */
const RETRY_PAUSE_MS = 1000

const plan = workerData as ImportPlan
const control = new Control('import', plan.control)
const main = new MainThread<ImportProgress, ImportResult, ImportQuestion>(parentPort!)

/** Take back whatever of the import nobody is meant to see. */
async function cleanUp(db: Db, succeeded: boolean): Promise<void> {
  await new WriteTransactions(db, main.turns, plan.busyTimeoutMs, () => undefined).run(() => {
    dropStagingTables(db, plan.number)
    if (succeeded) pruneUndo(db, plan.maxUndoBytes)
    else deleteRejects(db, plan.number)
  })
}

/** @returns whether there is nothing left to clean up */
async function tryToCleanUp(db: Db, succeeded: boolean): Promise<boolean> {
  try {
    await cleanUp(db, succeeded)
    return true
  } catch {
    return false
  }
}

/** Where the disk does not let it go, the next start removes it. */
function removeUpload(): void {
  try {
    rmSync(plan.filePath, { force: true })
  } catch {
    // What the import itself ended with is what people have to know.
  }
}

const db = openWriter(plan.databasePath, Math.min(BUSY_SLICE_MS, plan.busyTimeoutMs))
keepReferencesByName(db)
try {
  const writes = new WriteTransactions(db, main.turns, plan.busyTimeoutMs, () => control.throwIfStopped())
  const arrived = main.ask('file') as Promise<ArrivedFile>
  const outcome = await runImport(plan, { db, writes, control, arrived, report: (progress) => main.send({ kind: 'progress', progress }) })
  main.send({ kind: 'completed', result: outcome })
  await tryToCleanUp(db, true)
} catch (error) {
  const fault = Fault.from(error).toMessage()
  if (!keepsFile(fault.code, plan.resumes)) removeUpload()
  // Nobody hears of the end before all is taken back, unless a lock or a full disk stands in the way of just that.
  let isClean = fault.code !== 'SQLITE_BUSY' && await tryToCleanUp(db, false)
  main.send({ kind: 'failed', fault })
  while (!isClean && control.state !== INTERRUPTED) {
    isClean = await tryToCleanUp(db, false)
    if (!isClean) await sleep(RETRY_PAUSE_MS)
  }
}
db.close()
main.close()
