/**
 * Thread of one backup or restore. It alone writes the live database, and has a process of its own copy and check files
 * (copy-helper.ts); the main thread hears of its progress, gives finished copies their names and opens its own connections
 * anew when the content has been swapped.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { explainForeign } from '../db/inspect.ts'
import { Fault } from '../faults.ts'
import { workInBackground } from './background.ts'
import type { BackupInfo } from '../protocol.ts'
import type { BackupPlan, CopiedFile, CopyPlan, CopyProgress, CopyQuestion, CopyResult } from './backup-messages.ts'
import { checkCopy, copyLive, type CopyTools } from './checked-copy.ts'
import { Control } from './control.ts'
import { CopyHelper } from './copy-helper.ts'
import { MainThread } from './main-thread.ts'
import { runRestore } from './restore-run.ts'

workInBackground()

const plan = workerData as CopyPlan
const main = new MainThread<CopyProgress, CopyResult, CopyQuestion>(parentPort!)
const control = new Control(plan.kind === 'restore' ? 'restore' : 'backup', plan.control)
const tools: CopyTools = {
  control,
  helper: new CopyHelper(control),
  busyTimeoutMs: plan.busyTimeoutMs,
  report: (progress) => main.send({ kind: 'progress', progress }),
  ask: (question) => main.ask(question),
}

async function runBackup({ databasePath, partialPath }: BackupPlan): Promise<CopyResult> {
  const copied = await copyLive(databasePath, partialPath, tools, { phase: 'copy', from: 0, to: 1 })
  return keep(partialPath, copied, 'Backed up')
}

async function keep(path: string, copied: CopiedFile, verb: string): Promise<CopyResult> {
  const copy = await checkCopy(path, copied, tools, { phase: 'check', from: 0, to: 1 })
  if (!control.beginCommit()) throw control.stopFault()
  tools.report({ phase: 'finish', fraction: 0 })
  const { name, bytes, sha256, tables, rows } = await tools.ask({ kind: 'keep', copy }) as BackupInfo
  return { message: `${verb} ${name}`, metadata: { name, bytes, sha256, tables, rows, verified: true, notices: copy.notices } }
}

async function run(): Promise<CopyResult> {
  switch (plan.kind) {
    case 'backup': return runBackup(plan)
    case 'adopt': return keep(plan.partialPath, {}, 'Uploaded')
    case 'restore': return runRestore(plan, { ...tools, takeTurn: main.turns.take, endTurn: main.turns.end })
  }
}

/** What an error means for people who were waiting for a copy. */
function explain(error: unknown): Fault {
  const fault = Fault.from(error)
  if (fault.code !== 'SQLITE_FULL' && fault.code !== 'DISK_FULL') return fault
  return new Fault(fault.code, 'There is no room left on the disk. Nothing was kept, and your data are as they were. Free some space, then try again.', { cause: error })
}

try {
  main.send({ kind: 'completed', result: await run() })
} catch (error) {
  main.send({ kind: 'failed', fault: explain(plan.kind === 'adopt' ? explainForeign(error) : error).toMessage() })
}
await tools.helper.close()
main.close()
