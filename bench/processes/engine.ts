/**
 * Imports a file that is on the disk already, with the modules of the server but without HTTP and sockets.
 * usage: node engine.ts FILE DATA_DIR [OPTIONS as JSON]
 */
import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pino } from 'pino'
import { readConfig } from '../../server/config.ts'
import { migrate } from '../../server/db/migrations.ts'
import { createWriter } from '../../server/db/open.ts'
import { openOperations } from '../../server/db/operations-store.ts'
import type { ProgressComplete, ProgressFailure } from '../../server/protocol.ts'
import { DatabaseFile } from '../../server/services/database-file.ts'
import { Imports } from '../../server/services/imports.ts'
import { MainWriter } from '../../server/services/main-writer.ts'
import { Metrics } from '../../server/services/metrics.ts'
import { RestoreGate } from '../../server/services/restore-gate.ts'
import { StagedUploads } from '../../server/services/staged-uploads.ts'
import { WriteTurns } from '../../server/services/write-turns.ts'
import { ProgressTracker } from '../../server/tracker.ts'

export interface EngineRun {
  /** From handing over the file to the terminal event. */
  seconds: number
  rows: number
}

const [path, dataDir, options = '{}'] = process.argv.slice(2) as [string, string, string?]
const { busyTimeoutMs, maxRowLength, maxUndoBytes } = readConfig({ DATA_DIR: dataDir })
const databasePath = join(dataDir, 'hextrackr.db')
await mkdir(dataDir, { recursive: true })
const db = createWriter(databasePath, busyTimeoutMs)
migrate(db)
db.close()

const outcome = Promise.withResolvers<ProgressComplete>()
const tracker = new ProgressTracker({
  to: () => ({
    emit: (event, payload) => {
      if (event === 'progress-complete') outcome.resolve(payload as ProgressComplete)
      else if (event === 'progress-error') outcome.reject(new Error((payload as ProgressFailure).error.detail))
    },
  }),
})
const turns = new WriteTurns()
const writer = new MainWriter(databasePath, turns, busyTimeoutMs)
const operationsDb = openOperations(join(dataDir, 'operations.db'), busyTimeoutMs)
const uploads = new StagedUploads(join(dataDir, 'uploads'), operationsDb, 0)
await uploads.open(() => false)
const imports = new Imports({
  databasePath, file: new DatabaseFile(databasePath), clearUp: () => Promise.resolve(), busyTimeoutMs, maxRowLength, maxUndoBytes, keepInterruptedMs: 0,
  tracker, writer, turns, onDataChanged: () => undefined, metrics: new Metrics(), logger: pino({ level: 'silent' }),
}, { running: 1, waiting: 1 }, uploads, new RestoreGate(), () => false)
const job = imports.begin({ sessionId: undefined, options, filename: basename(path) })
const nobody = { onBytes: () => undefined, onHead: () => undefined, onStored: () => undefined }
const file = await uploads.store(job.start, options, createReadStream(path), nobody, job.uploadSignal)

const startedAt = performance.now()
imports.enqueue(job, file)
const { metadata } = await outcome.promise
const run: EngineRun = { seconds: (performance.now() - startedAt) / 1000, rows: Number(metadata.rowsRead) }
await imports.close()
tracker.close()
writer.close()
uploads.close()
operationsDb.close()
console.log(JSON.stringify(run))
