import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { backupGone, explainForeign, SQLITE_MAGIC } from '../db/inspect.ts'
import { openReader, type Db } from '../db/open.ts'
import { forgetBackup, knownBackups, rememberBackup, saveOperation, unfinishedOperations, type KnownBackup } from '../db/operations-store.ts'
import { isRestored } from '../db/restore-copy.ts'
import { Fault } from '../faults.ts'
import { systemClock } from '../tracker.ts'
import {
  BACKUP_WEIGHTS, RESTORE_WEIGHTS, type BackupInfo, type BackupKind, type BackupPhase, type BackupStatus, type ProgressSnapshot, type RestorePhase,
  type RestorePreview,
} from '../protocol.ts'
import type { CheckedCopy, CopyPlan, CopyProgress, CopyQuestion, CopyResult, RestorePlan } from '../workers/backup-messages.ts'
import type { InspectPlan, RestoreChanges } from '../workers/inspect-worker.ts'
import { stemOf, timeStamp, type BackupFile, type BackupFolder } from './backup-folder.ts'
import type { DataChanged } from './data-changed.ts'
import type { DatabaseFile } from './database-file.ts'
import { checkRoom, freeBytes } from './disk-space.ts'
import { readSessionId } from './import-request.ts'
import type { Imports } from './imports.ts'
import { alreadyFinished, type Operation, type Operations } from './operations.ts'
import type { RestoreGate } from './restore-gate.ts'
import { describeRules, toPrune, type RetentionRules } from './retention.ts'
import { steadyNow } from './steady-clock.ts'
import { Schedule, type ScheduleClock } from './schedule.ts'
import { runThread } from './work-thread.ts'
import type { WriteTurns } from './write-turns.ts'

/** How often it is looked for backups that have grown too old, ms. */
const PRUNE_INTERVAL_MS = 3600_000

/** Bytes between two reports of an upload. */
const REPORT_BYTES = 2 ** 20

export interface BackupsContext {
  databasePath: string
  busyTimeoutMs: number
  /** Tells where another file has taken the database's place: that is neither backed up nor replaced. */
  file: DatabaseFile
  folder: BackupFolder
  /** The database of what outlives a restore. */
  operationsDb: Db
  operations: Operations
  imports: Imports
  gate: RestoreGate
  turns: WriteTurns
  retention: RetentionRules
  /** Whether any session, of an import too, has that id. */
  isKnownSession: (sessionId: string) => boolean
  /** Another content is in the database: whatever was open must be opened anew. */
  onSwapped: () => void
  onDataChanged: DataChanged
  logger: Logger
}

type AnyOperation = Operation<keyof typeof BACKUP_WEIGHTS> | Operation<keyof typeof RESTORE_WEIGHTS>

const MESSAGES: Record<BackupPhase | RestorePhase, string> = {
  upload: 'Uploading',
  copy: 'Copying the database',
  check: 'Checking',
  finish: 'Finishing',
  safety: 'Keeping a safety copy',
  restore: 'Restoring',
  verify: 'Verifying',
}

/** What a running operation keeps others from. Several files may not arrive at once, but one may while a backup runs. */
type Slot = 'upload' | 'backup' | 'restore'

/** A file that is on its way in. */
export interface ArrivingFile {
  stream: Readable
  filename: string
  /** Of the whole request, where the client said so. */
  announcedBytes: number | undefined
}

/** A file that has arrived, while the request that brought it may still fail. */
export interface Arrived<Answer> {
  bytes: number
  /** Go on with it. */
  accept: () => Promise<Answer>
  /** Nothing of it is wanted. */
  abandon: (fault: Fault) => Promise<void>
}

/** How often the folder is looked at until it stays as it is: another program may be copying a large file into it. */
const LIST_TRIES = 5

/** Backups and restores of this server: which copies there are, what is being done with them, and how it went. */
export class Backups {
  readonly #context: BackupsContext
  readonly #running = new Map<string, Entry>()
  readonly #pruning: NodeJS.Timeout
  #isClosing = false

  constructor(context: BackupsContext) {
    this.#context = context
    this.#pruning = setInterval(() => void this.prune(), PRUNE_INTERVAL_MS).unref()
  }

  /** All backups, the newest first. */
  async list(): Promise<BackupInfo[]> {
    const { folder, operationsDb } = this.#context
    for (let tries = 1; ; tries++) {
      // A backup is remembered before it has its name, so whatever is found here is known below.
      const files = await folder.list()
      const known = knownBackups(operationsDb)
      const isKnown = ({ name, bytes, modifiedMs }: BackupFile): boolean => known.get(name)?.bytes === bytes && known.get(name)?.modifiedMs === modifiedMs
      // What has been pruned meanwhile, or replaced by another one of that name, must not pass for a file that somebody put there.
      if (tries < LIST_TRIES && !files.every(isKnown) && !isDeepStrictEqual(await folder.list(), files)) continue
      return files.map((file): BackupInfo => {
        const found = known.get(file.name)
        if (!found || !isKnown(file)) {
          return { name: file.name, bytes: file.bytes, createdAt: Math.round(file.modifiedMs), kind: found?.kind ?? 'uploaded', verified: false, tables: null, rows: null }
        }
        const { modifiedMs: _modifiedMs, ...info } = found
        return info
      }).sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? 1 : -1))
    }
  }

  /** @throws Fault BACKUP_NOT_FOUND */
  async get(name: string): Promise<BackupInfo> {
    // The listing says that it is there, or why not.
    await this.#context.folder.find(name)
    const info = (await this.list()).find((backup) => backup.name === name)
    if (!info) throw backupGone()
    return info
  }

  /** @throws Fault BACKUP_NOT_FOUND, RESTORE_RUNNING where it is being restored */
  async remove(name: string): Promise<void> {
    await this.#context.folder.find(name)
    this.#context.gate.check()
    await this.#context.folder.remove(name)
    forgetBackup(this.#context.operationsDb, name)
    this.#context.onDataChanged({ reason: 'history' })
  }

  async status(): Promise<Omit<BackupStatus, 'schedule'>> {
    const { folder, retention } = this.#context
    const backupBytes = (await folder.list()).reduce((sum, { bytes }) => sum + bytes, 0)
    return { retention: describeRules(retention), backupBytes, databaseBytes: await this.#databaseBytes(), freeBytes: await freeBytes(folder.path) }
  }

  /** What a restore would change. @throws Fault BACKUP_NOT_FOUND, NOT_A_DATABASE, DATABASE_DAMAGED */
  async preview(name: string): Promise<RestorePreview> {
    const { folder, databasePath, busyTimeoutMs, turns } = this.#context
    const backupPath = await folder.find(name)
    await checkHead(backupPath)
    const backup = await this.get(name)
    const plan: InspectPlan = { databasePath, backupPath, mustCheck: !backup.verified, busyTimeoutMs }
    const changes = await runForResult<RestoreChanges>('inspect-worker', plan, turns)
    return { backup, ...changes, databaseBytes: await this.#databaseBytes() }
  }

  /** @throws Fault BAD_OPTIONS, SESSION_EXISTS, BACKUP_RUNNING, RESTORE_RUNNING, DISK_FULL, SQLITE_CANTOPEN, INTERRUPTED */
  async startBackup({ sessionId: given, kind }: { sessionId?: unknown, kind: 'manual' | 'scheduled' }): Promise<{ sessionId: string, name: string }> {
    const { folder, databasePath } = this.#context
    return this.#begin('backup', given, async (sessionId) => {
      await checkRoom(folder.path, await this.#databaseBytes(), 'a copy')
      this.#context.file.check()
      const name = await folder.promise(`hextrackr-${timeStamp(new Date())}`)
      const operation = this.#context.operations.begin({ sessionId, metadata: { operation: 'backup', name, kind }, weights: BACKUP_WEIGHTS })
      const run = this.#run(operation, { kind: 'backup', databasePath, partialPath: folder.partial(sessionId, 'copy'), ...this.#plan(operation) }, (copy) => this.#keep(copy, name, kind))
      return { operation, run: run.finally(() => folder.release(name)), answer: { sessionId, name } }
    })
  }

  /**
   * Take in a file that is to become a backup, as it is.
   * @returns when it has arrived
   * @throws Fault NOT_A_DATABASE, DISK_FULL, SESSION_EXISTS, BACKUP_RUNNING, CANCELLED
   */
  async receiveBackup(given: unknown, file: ArrivingFile): Promise<Arrived<{ sessionId: string, name: string }>> {
    const { folder, databasePath } = this.#context
    const arrival = Promise.withResolvers<number>()
    const decision = Promise.withResolvers<undefined>()
    const answer = await this.#begin('upload', given, async (sessionId) => {
      const extension = /^\.(db|db3|sqlite|sqlite3)$/i.test(extname(file.filename)) ? extname(file.filename).slice(1) : 'db'
      const name = await folder.promise(stemOf(file.filename), extension)
      const operation = this.#context.operations.begin({ sessionId, metadata: { operation: 'backup', name, kind: 'uploaded' }, weights: BACKUP_WEIGHTS })
      const partialPath = folder.partial(sessionId, 'copy')
      const report = (bytesDone: number): void => operation.update('upload', 'copy', file.announcedBytes ? bytesDone / file.announcedBytes : 0, MESSAGES.upload, {
        bytesDone, ...(file.announcedBytes !== undefined && { bytesTotal: file.announcedBytes }),
      })
      receive(file, partialPath, operation.signal, report).then(arrival.resolve, arrival.reject)
      const run = arrival.promise.then(() => decision.promise).then(
        () => this.#run(operation, { kind: 'adopt', databasePath, partialPath, ...this.#plan(operation) }, (copy) => this.#keep(copy, name, 'uploaded')),
        async (error: unknown) => {
          await folder.discard(sessionId)
          operation.fail(error)
        },
      )
      return { operation, run: run.finally(() => folder.release(name)), answer: { sessionId, name } }
    })
    const cleared = this.#running.get(answer.sessionId)?.ended
    const bytes = await arrival.promise.catch(async (error: unknown) => {
      await cleared
      throw error
    })
    return {
      bytes,
      accept: () => {
        decision.resolve(undefined)
        return Promise.resolve(answer)
      },
      abandon: async (fault) => {
        decision.reject(fault)
        await cleared
      },
    }
  }

  /** @throws Fault BACKUP_NOT_FOUND, NOT_A_DATABASE, DISK_FULL, SQLITE_CANTOPEN, SESSION_EXISTS, IMPORTS_RUNNING, BACKUP_RUNNING, RESTORE_RUNNING */
  async startRestore(name: string, given: unknown): Promise<{ sessionId: string }> {
    const { folder } = this.#context
    const backupPath = await folder.find(name)
    await checkHead(backupPath)
    return this.#begin('restore', given, async (sessionId) => {
      const { bytes, verified, sha256 } = await this.get(name)
      await this.#checkRoomForRestore(bytes, true)
      return this.#beginRestore(sessionId, name, folder.partial(sessionId, 'work'), { backupPath, ...(verified && sha256 !== undefined && { verifiedSha256: sha256 }) })
    })
  }

  /**
   * Take in a file that is to be restored.
   * @returns when it has arrived
   * @throws as startRestore
   */
  async receiveRestore(given: unknown, file: ArrivingFile): Promise<Arrived<{ sessionId: string }>> {
    const { folder } = this.#context
    const sessionId = this.#newSessionId(given)
    this.#checkConflicts('restore')
    const workPath = folder.partial(sessionId, 'work')
    const abandon = (): Promise<void> => folder.discard(sessionId)
    let bytes: number
    try {
      bytes = await receive(file, workPath, new AbortController().signal, () => undefined)
    } catch (error) {
      await abandon()
      throw error
    }
    return {
      bytes,
      accept: () => this.#begin('restore', sessionId, async () => {
        await this.#checkRoomForRestore(bytes, false)
        return this.#beginRestore(sessionId, basename(file.filename), workPath)
      }),
      abandon,
    }
  }

  #beginRestore(sessionId: string, name: string, workPath: string, from: Pick<RestorePlan, 'backupPath' | 'verifiedSha256'> = {}): Begun<{ sessionId: string }> {
    const { folder, file, databasePath, operations } = this.#context
    file.check()
    const operation = operations.begin({ sessionId, metadata: { operation: 'restore', name }, weights: RESTORE_WEIGHTS })
    const plan: CopyPlan = {
      kind: 'restore', sessionId, name, databasePath, workPath, safetyPath: folder.partial(sessionId, 'safety'),
      resizedPath: folder.partial(sessionId, 'resized'), ...from, ...this.#plan(operation),
    }
    const run = this.#run(operation, plan, async (copy, restored) => {
      const safetyCopy = await folder.promise(`before-restore-${timeStamp(new Date())}`)
      try {
        const info = await this.#keep(copy, safetyCopy, 'pre-restore')
        operation.note({ safetyCopy, ...restored })
        return info
      } finally {
        folder.release(safetyCopy)
      }
    })
    return { operation, run, answer: { sessionId } }
  }

  /** @throws Fault SESSION_NOT_FOUND, ALREADY_FINISHED */
  cancel(sessionId: string): void {
    const operation = this.#running.get(sessionId)?.operation
    if (operation) return operation.cancel()
    if (this.#context.operations.snapshot(sessionId)) throw alreadyFinished()
    throw new Fault('SESSION_NOT_FOUND', 'There is no backup or restore with that id.')
  }

  snapshot(sessionId: string): ProgressSnapshot | null {
    return this.#context.operations.snapshot(sessionId)
  }

  /** Delete what the rules no longer keep. What cannot be deleted now is tried again an hour later. */
  async prune(): Promise<void> {
    const { folder, retention, logger, operationsDb } = this.#context
    try {
      for (const { name, kind, createdAt, bytes } of toPrune(await this.list(), retention, steadyNow())) {
        await folder.remove(name)
        forgetBackup(operationsDb, name)
        logger.info({ backup: name, kind, createdAt, bytes }, 'pruned a backup')
      }
    } catch (error) {
      logger.warn({ err: error }, 'backups could not be pruned')
    }
  }

  /** Set right what a crash has left behind: outcomes nobody recorded, and memories of files that are gone. */
  async recover(): Promise<void> {
    const { folder, operationsDb, databasePath, logger } = this.#context
    const files = new Set((await folder.list()).map(({ name }) => name))
    const known = knownBackups(operationsDb)
    for (const name of known.keys()) if (!files.has(name)) forgetBackup(operationsDb, name)
    const unfinished = unfinishedOperations(operationsDb)
    if (unfinished.length === 0) return
    const live = openReader(databasePath)
    try {
      for (const snapshot of unfinished) {
        const { sessionId, metadata } = snapshot
        const copy = typeof metadata.name === 'string' && files.has(metadata.name) ? known.get(metadata.name) : undefined
        const isDone = metadata.operation === 'restore' ? isRestored(live, sessionId) : copy?.verified === true
        saveOperation(operationsDb, isDone ? completed(snapshot, copy) : interrupted(snapshot))
        logger.warn({ sessionId, operation: metadata.operation, isDone }, 'the server had stopped during an operation')
      }
    } finally {
      live.close()
    }
  }

  /** Interrupt what runs; a restore that is committing completes. @returns when nothing runs any more */
  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#pruning)
    for (const { operation } of this.#running.values()) operation?.interrupt()
    await Promise.allSettled(this.#running.values().map(({ ended }) => ended))
    this.#context.operations.close()
  }

  async #begin<Answer>(slot: Slot, given: unknown, start: (sessionId: string) => Promise<Begun<Answer>> | Begun<Answer>): Promise<Answer> {
    const sessionId = this.#newSessionId(given)
    this.#checkConflicts(slot)
    const { gate, imports, busyTimeoutMs, onDataChanged, logger } = this.#context
    const entry: Entry = { slot, operation: undefined, ended: Promise.resolve() }
    const end = (): void => {
      this.#running.delete(sessionId)
      if (slot === 'restore') gate.open()
    }
    this.#running.set(sessionId, entry)
    if (slot === 'restore') gate.close()
    try {
      if (slot === 'restore') refuseWhileImporting(await imports.leftBehind(busyTimeoutMs))
      const { operation, run, answer } = await start(sessionId)
      entry.operation = operation
      entry.ended = run.catch((error: unknown) => logger.error({ err: error, sessionId }, 'an operation broke')).finally(() => {
        end()
        onDataChanged({ reason: 'history' })
      })
      return answer
    } catch (error) {
      end()
      throw error
    }
  }

  #newSessionId(given: unknown): string {
    if (this.#isClosing) throw new Fault('INTERRUPTED', 'The server is stopping and begins nothing new.')
    const sessionId = readSessionId(given) ?? randomUUID()
    if (this.#running.has(sessionId) || this.#context.isKnownSession(sessionId)) {
      throw new Fault('SESSION_EXISTS', 'That sessionId is in use. Choose another one for each operation.')
    }
    return sessionId
  }

  /** @throws Fault RESTORE_RUNNING, BACKUP_RUNNING, IMPORTS_RUNNING */
  #checkConflicts(slot: Slot): void {
    const running = new Set(this.#running.values().map((entry) => entry.slot))
    if (slot !== 'upload' && running.has('restore')) throw new Fault('RESTORE_RUNNING', 'A restore is running. Wait for it to end, or cancel it.')
    if (slot !== 'upload' && running.has('backup')) throw new Fault('BACKUP_RUNNING', 'A backup is being made. Wait for it to end, or cancel it.')
    if (slot === 'upload' && running.has('upload')) throw new Fault('BACKUP_RUNNING', 'Another backup is being uploaded. Wait for it to end, or cancel it.')
    if (slot !== 'restore') return
    refuseWhileImporting(this.#context.imports.unfinishedFiles())
  }

  #plan(operation: AnyOperation): { busyTimeoutMs: number, control: SharedArrayBuffer } {
    return { busyTimeoutMs: this.#context.busyTimeoutMs, control: operation.control.buffer }
  }

  /** Run an operation's thread to its end, and the operation to its outcome. */
  async #run(operation: AnyOperation, plan: CopyPlan, keep: (copy: CheckedCopy, restored?: object) => Promise<BackupInfo>): Promise<void> {
    const { folder, turns, logger } = this.#context
    const report = ({ phase, fraction, pages }: CopyProgress): void => {
      // The phases that have pages or bytes of their own are those of the kind of operation that it is.
      (operation as Operation).update(phase, phase, fraction, MESSAGES[phase], { ...pages })
    }
    let outcome: CopyResult | Fault | undefined
    await runThread<CopyProgress, CopyResult, CopyQuestion>('backup-worker', plan, turns, {
      onProgress: report,
      onOutcome: (decided) => (outcome = decided),
      onQuestion: async (question) => {
        switch (question.kind) {
          case 'keep': return keep(question.copy, question.restored)
          case 'swapped': this.#context.onSwapped()
        }
      },
    })
    // Nobody hears of the end before all is taken back.
    await folder.discard(operation.id)
    if (outcome instanceof Fault) {
      const level = outcome.code === 'INTERNAL' ? 'error' : 'info'
      logger[level]({ sessionId: operation.id, code: outcome.code, ...(outcome.cause !== undefined && { cause: outcome.cause }) }, `${plan.kind} ended without success`)
      operation.fail(outcome)
    } else if (outcome) {
      logger.info({ sessionId: operation.id, ...outcome.metadata }, `${plan.kind} completed`)
      // Who hears of the end may begin the next one at once.
      await this.prune()
      operation.complete(outcome.message, outcome.metadata)
    }
  }

  /** Give a checked copy its name, and remember what is known of it first: a file without that would count as unverified. */
  async #keep({ path, sha256, tables, rows, damage }: CheckedCopy, name: string, kind: BackupKind): Promise<BackupInfo> {
    const { folder, operationsDb } = this.#context
    const { size, mtimeMs } = await stat(path)
    const info: BackupInfo = {
      name, bytes: size, createdAt: Date.now(), kind, verified: damage === undefined, sha256,
      ...(damage === undefined ? { tables, rows } : { tables: null, rows: null, damage }),
    }
    rememberBackup(operationsDb, { ...info, modifiedMs: mtimeMs } satisfies KnownBackup)
    await folder.keep(path, name)
    return info
  }

  /** Size of the live database with what its log holds. */
  async #databaseBytes(): Promise<number> {
    const { databasePath } = this.#context
    const sizes = await Promise.all([databasePath, `${databasePath}-wal`].map((path) => stat(path).then(({ size }) => size, () => 0)))
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  /**
   * A restore needs room for the working copy, the safety copy and the log that holds the new content until it is in
   * the database file.
   */
  async #checkRoomForRestore(bytes: number, isCopied: boolean): Promise<void> {
    const { folder, databasePath } = this.#context
    const [databaseBytes, here, there] = [await this.#databaseBytes(), await stat(folder.path), await stat(dirname(databasePath))]
    const copies = databaseBytes + (isCopied ? bytes : 0)
    const growth = bytes + Math.max(0, bytes - databaseBytes)
    if (here.dev === there.dev) return checkRoom(folder.path, copies + growth, 'the restore')
    await checkRoom(folder.path, copies, 'the restore')
    await checkRoom(dirname(databasePath), growth, 'the restore')
  }
}

/** @throws Fault IMPORTS_RUNNING where there are any */
function refuseWhileImporting(filenames: readonly string[]): void {
  if (filenames.length === 0) return
  throw new Fault('IMPORTS_RUNNING', `A restore would cut off what is being imported: ${filenames.map((name) => `"${name}"`).join(', ')}. Wait for it to end, or cancel it.`)
}

/** Something that runs, or is about to. */
interface Entry {
  readonly slot: Slot
  operation: AnyOperation | undefined
  ended: Promise<unknown>
}

/** Make a backup at each of the times that a cron expression names. */
export function scheduleBackups(cron: string, backups: Backups, logger: Logger, clock: ScheduleClock = systemClock): Schedule {
  return new Schedule(cron, {
    begin: async () => {
      try {
        await backups.startBackup({ kind: 'scheduled' })
        return true
      } catch (error) {
        const { code } = Fault.from(error)
        if (code === 'BACKUP_RUNNING' || code === 'RESTORE_RUNNING') return false
        logger.error({ err: error }, 'a scheduled backup could not begin')
        return true
      }
    },
    onSkip: () => logger.warn('a scheduled backup was skipped, because something else was running until the next one was due'),
  }, clock)
}

interface Begun<Answer> {
  operation: AnyOperation
  run: Promise<unknown>
  answer: Answer
}

const interrupted = (snapshot: ProgressSnapshot): ProgressSnapshot => {
  const error = { code: 'INTERRUPTED', detail: `The server stopped during this ${snapshot.metadata.operation}. It changed nothing.` }
  return { ...snapshot, status: 'error', message: error.detail, error, timestamp: Date.now() }
}

/** @param copy what is known of the file that a backup made */
function completed(snapshot: ProgressSnapshot, copy: KnownBackup | undefined): ProgressSnapshot {
  const { metadata } = snapshot
  const message = `${metadata.operation === 'restore' ? 'Restored' : 'Backed up'} ${String(metadata.name)}`
  const known = copy && metadata.operation === 'backup'
    ? { bytes: copy.bytes, sha256: copy.sha256, tables: copy.tables, rows: copy.rows, verified: copy.verified }
    : {}
  return { ...snapshot, status: 'completed', progress: 100, message, metadata: { ...metadata, ...known, message }, timestamp: Date.now() }
}

/** Run a thread that has nothing to tell but its result. @throws Fault */
async function runForResult<Result>(name: string, plan: object, turns: WriteTurns): Promise<Result> {
  let outcome: Result | Fault | undefined
  await runThread<never, Result>(name, plan, turns, { onProgress: () => undefined, onOutcome: (decided) => (outcome = decided) })
  if (outcome instanceof Fault) throw outcome
  return outcome as Result
}

/** @throws Fault NOT_A_DATABASE by a file's first bytes, BACKUP_NOT_FOUND where it has gone since it was listed */
async function checkHead(path: string): Promise<void> {
  const file = await open(path).catch((error: unknown) => {
    throw explainForeign(error, path)
  })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0)
    judgeHead(buffer.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

/** @throws Fault NOT_A_DATABASE */
function judgeHead(head: Buffer): void {
  if (head.subarray(0, SQLITE_MAGIC.length).equals(SQLITE_MAGIC)) return
  if (head.length === 0) throw new Fault('NOT_A_DATABASE', 'The file is empty, so it is no SQLite database.')
  throw new Fault('NOT_A_DATABASE', 'The file is no SQLite database: it does not begin as one does. If it is encrypted or packed, undo that first.')
}

/**
 * Write a file that arrives, as long as its first bytes are those of a database.
 * @returns its size
 * @throws Fault NOT_A_DATABASE, DISK_FULL; what the signal was aborted with
 */
async function receive({ stream, announcedBytes }: ArrivingFile, path: string, signal: AbortSignal, report: (bytes: number) => void): Promise<number> {
  if (announcedBytes !== undefined) await checkRoom(dirname(path), announcedBytes)
  const check = new DatabaseCheck(report)
  report(0)
  try {
    await pipeline(stream, check, createWriteStream(path, { mode: 0o600 }), { signal })
    return check.bytes
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  }
}

/** Passes bytes on and counts them, and stops at the first sign that they are no database. */
class DatabaseCheck extends Transform {
  readonly #report: (bytes: number) => void
  #head: Buffer | null = Buffer.alloc(0)
  #bytes = 0
  #reported = 0

  get bytes(): number {
    return this.#bytes
  }

  constructor(report: (bytes: number) => void) {
    super()
    this.#report = report
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null, data?: Buffer) => void): void {
    this.#bytes += chunk.length
    if (this.#bytes - this.#reported >= REPORT_BYTES) {
      this.#reported = this.#bytes
      this.#report(this.#bytes)
    }
    try {
      if (this.#head) {
        this.#head = Buffer.concat([this.#head, chunk])
        if (this.#head.length >= SQLITE_MAGIC.length) this.#judge()
      }
      done(null, chunk)
    } catch (error) {
      done(error as Error)
    }
  }

  override _flush(done: (error?: Error | null) => void): void {
    try {
      this.#judge()
      this.#report(this.#bytes)
      done()
    } catch (error) {
      done(error as Error)
    }
  }

  #judge(): void {
    if (this.#head) judgeHead(this.#head)
    this.#head = null
  }
}
