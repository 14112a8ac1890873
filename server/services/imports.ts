import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkReplaceable, hasRowid, nameExists, resolveTable, tableExists } from '../db/catalogue.ts'
import { targetOfRejects } from '../db/header-settings.ts'
import { sameName, tableNameFromFile } from '../db/identifiers.ts'
import { getImport, getImportSnapshot, listImports } from '../db/imports-store.ts'
import { Fault } from '../faults.ts'
import type { ImportRecord, ImportTarget, KeptFile, ProgressSnapshot } from '../protocol.ts'
import { uniqueName } from '../unique-name.ts'
import { ImportJob, type JobContext, type StagedFile } from './import-job.ts'
import { readOptions, readSessionId } from './import-request.ts'
import type { RestoreGate } from './restore-gate.ts'
import type { StagedUploads, UncheckedFile, UploadWatch } from './staged-uploads.ts'
import { headerOfRejects } from '../csv/rejects.ts'
import type { ImportOptions } from '../workers/messages.ts'

/** What a client sends before the file itself. */
export interface ImportRequest {
  sessionId: unknown
  options: unknown
  filename: string
  /** Session of the import that is begun anew. */
  resumes?: string
}

/**
 * From how many bytes on a thread that reads the file while another one writes pays for its start, and an import need not
 * wait for the rest of its file.
 */
const READ_BESIDE_BYTES = 4 * 2 ** 20

interface Limits {
  /** Imports that run side by side. */
  running: number
  /** Imports that upload or wait. */
  waiting: number
}

/** How long a stop waits for outcomes to reach the database, ms. What is not saved by then is INTERRUPTED at the next start. */
const SAVE_DEADLINE_MS = 2000

/** Imports that failed whose outcome the database does not take: a client that tries again for ever must not fill the memory. */
const MAX_UNSAVED_OUTCOMES = 1000

/** How often those who wait are heard of, ms: the tracker takes a session that is silent for an hour for abandoned. */
const KEEP_ALIVE_MS = 10 * 60_000

/** All imports of this server: who runs, who waits, and what became of those that ended. */
export class Imports {
  readonly #context: JobContext
  readonly #limits: Limits
  readonly #uploads: StagedUploads
  readonly #gate: RestoreGate
  readonly #isKnownSession: (sessionId: string) => boolean
  /** Every job whose outcome the database does not hold yet, by id. */
  readonly #jobs = new Map<string, ImportJob>()
  readonly #waiting: { job: ImportJob, file: StagedFile }[] = []
  readonly #running = new Map<ImportJob, Promise<void>>()
  /** Those whose rows are brought in while their file still arrives. They are asked for nothing before they may run. */
  readonly #early = new Map<ImportJob, Promise<void>>()
  /** Kept files that are read once more before their import is begun anew. */
  readonly #checking = new Set<Promise<void>>()
  readonly #keepAlive: NodeJS.Timeout
  #isClosing = false

  /** @param isKnownSession whether any session, of a backup too, has that id */
  constructor(context: JobContext, limits: Limits, uploads: StagedUploads, gate: RestoreGate, isKnownSession: (sessionId: string) => boolean) {
    this.#context = context
    this.#limits = limits
    this.#uploads = uploads
    this.#gate = gate
    this.#isKnownSession = isKnownSession
    this.#keepAlive = setInterval(() => this.#reportWaiting(), KEEP_ALIVE_MS).unref()
  }

  /**
   * Begin an import whose file is about to arrive.
   * @throws Fault BAD_OPTIONS, BAD_TABLE_NAME, SESSION_EXISTS, TABLE_EXISTS, TOO_MANY_IMPORTS, RESTORE_RUNNING, INTERRUPTED, SQLITE_CANTOPEN
   */
  begin(request: ImportRequest): ImportJob {
    if (this.#isClosing) throw new Fault('INTERRUPTED', 'The server is stopping and takes no new imports.')
    this.#gate.check()
    this.#context.file.check()
    const sessionId = readSessionId(request.sessionId) ?? randomUUID()
    const options = readOptions(request.options)
    this.#forgetSaved()
    if (this.#jobs.has(sessionId) || this.#isKnownSession(sessionId)) {
      throw new Fault('SESSION_EXISTS', 'That sessionId is in use. Choose another one for each import.')
    }
    const { running, waiting } = this.counts
    if (running + waiting >= this.#limits.running + this.#limits.waiting) {
      throw new Fault('TOO_MANY_IMPORTS', `${running + waiting} imports are running or waiting. Try again when some have finished.`)
    }
    if (this.#jobs.size - running - waiting >= MAX_UNSAVED_OUTCOMES) {
      throw new Fault('TOO_MANY_IMPORTS', `The database has not taken the outcomes of the last ${MAX_UNSAVED_OUTCOMES} imports that failed. See what is wrong with it and its disk, then try again.`)
    }
    const table = this.#chooseTable(options, request.filename)
    const { filename, resumes } = request
    const start = { sessionId, filename, table, mode: options.mode, startedAt: Date.now(), ...(resumes !== undefined && { resumes }) }
    const job = new ImportJob(this.#context, start, options)
    this.#jobs.set(sessionId, job)
    return job
  }

  #chooseTable({ table: wanted, mode }: ImportOptions, filename: string): string {
    const { db } = this.#context.writer
    if (mode === 'append' || mode === 'upsert') {
      const name = resolveTable(db, wanted ?? tableNameFromFile(filename))
      if (mode === 'upsert' && !hasRowid(db, name)) {
        throw new Fault('BAD_OPTIONS', `The table "${name}" was made by another program in a way that lets rows be added, but not updated by key.`)
      }
      return name
    }
    if (mode === 'replace') {
      const name = wanted ?? tableNameFromFile(filename)
      checkReplaceable(db, name)
      return tableExists(db, name) ? resolveTable(db, name) : name
    }
    const isTaken = (name: string): boolean => nameExists(db, name) || this.isWriting(name)
    if (wanted === undefined) return uniqueName(tableNameFromFile(filename), isTaken)
    if (isTaken(wanted)) throw new Fault('TABLE_EXISTS', `A table called "${wanted}" exists already, or is being imported.`)
    return wanted
  }

  /**
   * Resume an import: begin it anew, with the file that was kept of it and the options it came with.
   * @param sessionId of the one that was interrupted
   * @param given the new session's id, where the client made one
   * @throws Fault NOT_RESUMABLE, SESSION_NOT_FOUND, and what `begin` throws
   */
  resume(sessionId: string, given: unknown): ImportJob {
    this.get(sessionId)
    const file = this.#uploads.find(sessionId)
    const job = this.begin({ sessionId: given, options: file.options, filename: file.filename, resumes: sessionId })
    try {
      this.#uploads.handOver(file, job.start)
      job.hasKeptFile(file.bytes, () => this.#uploads.keepAgain(file))
    } catch (error) {
      job.fail(error)
      throw error
    }
    const checked = this.#checkKept(job, file).finally(() => this.#checking.delete(checked))
    this.#checking.add(checked)
    return job
  }

  async #checkKept(job: ImportJob, file: UncheckedFile): Promise<void> {
    try {
      this.enqueue(job, await this.#uploads.check(file, this.watch(job, file.options, file.bytes), job.uploadSignal))
    } catch (error) {
      job.fail(error)
      await this.#letGo(job, file)
    }
  }

  /** Have the file of an import that has ended removed, unless it is kept for another one. */
  async #letGo(job: ImportJob, file: Pick<StagedFile, 'path'>): Promise<void> {
    if (!job.keepsFile) await this.#uploads.remove(file)
  }

  /**
   * What follows a file on its way to an import.
   * @param options as they came with it
   * @param bytesTotal undefined where the client did not say
   */
  watch(job: ImportJob, options: unknown, bytesTotal: number | undefined): UploadWatch {
    return {
      onBytes: (bytes) => job.reportUpload(bytes, bytesTotal),
      onHead: (head) => {
        const target = options === undefined ? this.#recogniseRejects(head) : undefined
        if (target) job.retarget(target)
      },
      onStored: (path, bytes, isWhole) => {
        if (this.#early.has(job)) job.advance(bytes, isWhole)
        // What has an unknown size has no bar to stand in.
        else if (!isWhole && bytes >= READ_BESIDE_BYTES && bytesTotal !== undefined && this.#hasRoom && this.#hasCores) this.#runEarly(job, path, bytes)
      },
    }
  }

  #runEarly(job: ImportJob, path: string, bytes: number): void {
    this.#early.set(job, job.runEarly(path, bytes).finally(() => {
      this.#early.delete(job)
      this.#next()
    }))
  }

  /** Whether one more may run. */
  get #hasRoom(): boolean {
    return this.#running.size + this.#early.size < this.#limits.running
  }

  /** Whether one more may have a thread that reads and one that writes. */
  get #hasCores(): boolean {
    return 2 * (this.#running.size + this.#early.size + 1) <= Math.max(2, availableParallelism())
  }

  /** Where the rows of a corrected rejects file belong: to the table that the file they came from went to. */
  #recogniseRejects(head: Buffer): ImportTarget | undefined {
    const { db } = this.#context.writer
    const header = headerOfRejects(head)
    return header && targetOfRejects(db, header)
  }

  /** Take over a file that has arrived; it is removed when the import has ended, unless the server stops first. */
  enqueue(job: ImportJob, file: StagedFile): void {
    job.hasFile(file.bytes)
    this.#waiting.push({ job, file })
    this.#next()
  }

  #next(): void {
    for (const { job, file } of extract(this.#waiting, ({ job }) => job.isEnded)) void this.#letGo(job, file)
    for (let next; (next = this.#takeNext());) {
      const { job, file } = next
      this.#early.delete(job)
      this.#running.set(job, this.#runToEnd(job, file, this.#hasCores && file.bytes >= READ_BESIDE_BYTES).finally(() => {
        this.#running.delete(job)
        this.#next()
      }))
    }
    this.#reportWaiting()
  }

  #takeNext(): { job: ImportJob, file: StagedFile } | undefined {
    // Those that have their threads take nobody's place by going on.
    const mayRun = (job: ImportJob): boolean => this.#running.size < this.#limits.running || this.#early.has(job)
    // Two imports into one table follow each other.
    const index = this.#waiting.findIndex(({ job }) => mayRun(job) && !this.#running.keys().some((other) => sameName(other.table, job.table)))
    return index === -1 ? undefined : this.#waiting.splice(index, 1)[0]
  }

  #reportWaiting(): void {
    this.#waiting.forEach(({ job, file }, index) => job.reportWaiting(this.#running.size + index, file.bytes))
  }

  async #runToEnd(job: ImportJob, file: StagedFile, readsBeside: boolean): Promise<void> {
    try {
      await job.run(file, readsBeside)
    } finally {
      await this.#letGo(job, file)
    }
  }

  /** @throws Fault SESSION_NOT_FOUND, ALREADY_FINISHED */
  cancel(sessionId: string): void {
    const job = this.#jobs.get(sessionId)
    if (job && !job.isEnded) {
      job.cancel()
      return this.#next()
    }
    if (job || getImport(this.#context.writer.db, sessionId)) throw new Fault('ALREADY_FINISHED', 'The import has already finished. It can no longer be cancelled.')
    throw new Fault('SESSION_NOT_FOUND', 'There is no import with that id.')
  }

  /** The outcome of an import that has ended, or what is known of one that has not. */
  snapshot(sessionId: string): ProgressSnapshot | null {
    const snapshot = this.#jobs.get(sessionId)?.unsavedOutcome ?? getImportSnapshot(this.#context.writer.db, sessionId)
    const stagedFile = snapshot?.error ? this.#uploads.kept().get(sessionId) : undefined
    return snapshot && stagedFile ? { ...snapshot, metadata: { ...snapshot.metadata, stagedFile } } : snapshot
  }

  /** @throws Fault SESSION_NOT_FOUND */
  get(sessionId: string): ImportRecord {
    const record = getImport(this.#context.writer.db, sessionId) ?? this.#unrecorded(sessionId)
    if (!record) throw new Fault('SESSION_NOT_FOUND', 'There is no import with that id.')
    return this.#withLatest(record, this.#uploads.kept())
  }

  /** Drop the file that is kept of an import that can be resumed. @throws Fault SESSION_NOT_FOUND, NOT_RESUMABLE */
  async forgetFile(sessionId: string): Promise<void> {
    this.get(sessionId)
    await this.#uploads.forget(sessionId)
  }

  /** The history, newest first. */
  list(limit: number): ImportRecord[] {
    const kept = this.#uploads.kept()
    return listImports(this.#context.writer.db, limit).map((record) => this.#withLatest(record, kept))
  }

  /**
   * Refuse to change a table that an import is about to write to.
   * @throws Fault TABLE_IN_USE
   */
  checkUnused(table: string): void {
    if (this.isWriting(table)) throw new Fault('TABLE_IN_USE', `An import into "${table}" is running. Wait for it to end, or cancel it.`)
  }

  /** How many run, and how many upload or wait. */
  get counts(): { running: number, waiting: number } {
    const isLive = (job: ImportJob): boolean => !job.isEnded
    const live = this.#jobs.values().filter(isLive).toArray().length
    const running = this.#running.keys().filter(isLive).toArray().length
    return { running, waiting: live - running }
  }

  /** Whether an import that has not ended is going to write to the table. */
  isWriting(table: string): boolean {
    return this.#jobs.values().some((job) => !job.isEnded && sameName(job.table, table))
  }

  /** Names of the files whose import has not ended. */
  unfinishedFiles(): string[] {
    return this.#jobs.values().filter((job) => !job.isEnded).map((job) => job.start.filename).toArray()
  }

  /**
   * Wait until the threads of imports that have ended have left the database.
   * @param patienceMs how long
   * @returns names of the files whose threads still clear away what they wrote
   */
  async leftBehind(patienceMs: number): Promise<string[]> {
    const ended = new Map([...this.#running, ...this.#early].filter(([job]) => job.isEnded))
    await Promise.race([Promise.all(ended.values()), sleep(patienceMs, undefined, { ref: false })])
    return ended.keys().filter((job) => this.#running.has(job) || this.#early.has(job)).map((job) => job.start.filename).toArray()
  }

  /** Interrupt what runs or waits. @returns when every import's thread has ended */
  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#keepAlive)
    for (const job of this.#jobs.values()) job.interrupt()
    this.#waiting.splice(0)
    await Promise.all([...this.#running.values(), ...this.#early.values(), ...this.#checking])
    await Promise.race([Promise.all(this.#jobs.values().map((job) => job.saved)), sleep(SAVE_DEADLINE_MS, undefined, { ref: false })])
  }

  /** What the database does not know of an import: its progress, an outcome still to be saved, or the file that is kept of it. */
  #withLatest(record: ImportRecord, kept: ReadonlyMap<string, KeptFile>): ImportRecord {
    const stagedFile = kept.get(record.sessionId)
    const withFile = stagedFile ? { ...record, stagedFile } : record
    if (record.status !== 'processing') return withFile
    const outcome = this.#jobs.get(record.sessionId)?.unsavedOutcome
    if (outcome?.error) {
      return { ...withFile, status: 'error', error: outcome.error, finishedAt: outcome.timestamp, durationMs: outcome.timestamp - record.startedAt }
    }
    const rowsDone = this.#context.tracker.getSession(record.sessionId)?.metadata.rowsDone
    return typeof rowsDone === 'number' ? { ...record, rowsRead: rowsDone } : record
  }

  #unrecorded(sessionId: string): ImportRecord | null {
    const start = this.#jobs.get(sessionId)?.start
    return start
      ? {
          ...start, number: 0, status: 'processing', rowsRead: 0, rowsInserted: 0, rowsUpdated: 0, rowsUnchanged: 0, rowsRejected: 0,
          finishedAt: null, durationMs: Date.now() - start.startedAt, rowsPerSecond: 0, undoable: false,
        }
      : null
  }

  #forgetSaved(): void {
    for (const [id, job] of this.#jobs) if (job.isEnded && !job.unsavedOutcome) this.#jobs.delete(id)
  }
}

/** Take the elements that match out of an array. */
function extract<T>(array: T[], matches: (element: T) => boolean): T[] {
  const taken = array.filter(matches)
  const kept = array.filter((element) => !matches(element))
  array.splice(0, array.length, ...kept)
  return taken
}
