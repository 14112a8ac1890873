/**
 * The operations this browser tab knows, imports, backups and restores: those it began, and those somebody looks at. Sends
 * files, two at a time, asks the server for everything else, and keeps each one's state current until its outcome is
 * known. Draws nothing.
 */
import type { FailureInfo, ImportRecord, ProgressSnapshot } from '../../../server/protocol.ts'
import { ApiError } from './api.ts'
import { Follower, type ProgressSocket } from './follower.ts'
import { recall, remember, type JobStorage } from './job-memory.ts'
import type { ImportOptions } from './import-options.ts'
import type { Link } from './link.ts'
import { kindOf, type NamedOperation, type OperationKind } from './operation.ts'
import { advance, newProgress, progressOfRecord, type ProgressEvent, type ProgressState } from './progress-state.ts'
import type { StartUpload, Upload } from './upload.ts'

/** Uploads at a time. More would only make each slower. */
const UPLOAD_SLOTS = 2
/** How often, and after what pause in ms, the server is asked what became of an upload whose connection broke. */
const AFTERMATH = { attempts: 5, pauseMs: 1_000 }

export interface Job {
  readonly id: string
  readonly state: ProgressState
  /** The file, while this tab still holds it. */
  readonly file: File | undefined
  /** What was chosen for it; absent where everything was left to the server, or is not known. */
  readonly options?: ImportOptions | undefined
  /** Begun in this tab, and so listed in its panel. */
  readonly own: boolean
}

interface LiveJob extends Job {
  state: ProgressState
  own: boolean
  upload?: Upload
  /** Its outcome is old news: it was told before the page was reloaded. */
  told?: boolean
  watchers: number
}

/** What is begun by asking the server for it, without a file. */
export type Request = { kind: 'backup' } | { kind: 'restore', backup: string }

export interface JobsPorts {
  socket: ProgressSocket
  upload: StartUpload
  /** Asks the server to begin. Resolves with the name of the backup that is made, or restored. */
  request: (id: string, request: Request) => Promise<{ name: string }>
  progress: (id: string) => Promise<ProgressSnapshot>
  record: (id: string) => Promise<ImportRecord>
  cancel: (operation: NamedOperation) => Promise<unknown>
  /** Resumes an import: begins it anew, under another id. */
  resume: (id: string, newId: string) => Promise<{ table: string }>
  /** Has the server drop the file it keeps of an import that can be resumed. */
  forgetFile: (id: string) => Promise<unknown>
  storage: JobStorage
  newId: () => string
  now?: () => number
}

export interface JobsHandlers {
  /** Something changed; called often. */
  changed: () => void
  /** An operation reached its outcome, once each. */
  ended: (job: Job) => void
}

const CANCELLED: FailureInfo = { code: 'CANCELLED', detail: 'It was stopped before its upload was complete.' }

export class Jobs {
  #jobs = new Map<string, LiveJob>()
  /** What became of interrupted imports, by the id that they had. */
  readonly #resumed = new Map<string, Promise<Job>>()
  #follower: Follower
  readonly #ports: JobsPorts
  readonly #handlers: JobsHandlers
  readonly #now: () => number

  constructor(ports: JobsPorts, handlers: JobsHandlers) {
    this.#ports = ports
    this.#handlers = handlers
    this.#now = ports.now ?? Date.now
    this.#follower = new Follower(ports.socket, ports.progress, {
      message: (message) => this.#apply(message.sessionId, { type: 'message', message }),
      unknown: (id) => {
        // An upload on its way may not have reached the server yet.
        if (this.#jobs.get(id)?.state.stage === 'running') this.#apply(id, { type: 'gone' })
      },
      link: () => handlers.changed(),
    }, this.#now)
  }

  get link(): Link {
    return this.#follower.link
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id)
  }

  /** What this tab began, oldest first. */
  own(): Job[] {
    return [...this.#jobs.values()].filter((job) => job.own)
  }

  /** True while leaving the page would lose an upload. */
  get uploading(): boolean {
    return this.own().some(({ state }) => state.stage === 'uploading' || state.stage === 'held')
  }

  /** Takes files in; each is an import of its own. */
  start(files: readonly File[], options?: ImportOptions): Job[] {
    const jobs = files.map((file) => this.#hold('import', file, options))
    this.#fillSlots()
    this.#changed()
    return jobs
  }

  /** Sends a backup from this computer. It joins those of the server and restores nothing. */
  uploadBackup(file: File): Job {
    const job = this.#hold('upload', file)
    this.#fillSlots()
    this.#changed()
    return job
  }

  /** Begins a backup or a restore. */
  request(request: Request): Job {
    const id = this.#ports.newId()
    const job: LiveJob = {
      id, file: undefined, own: true, watchers: 0,
      state: newProgress(request.kind, id, request.kind === 'restore' ? request.backup : '', this.#now(), { stage: 'asked' }),
    }
    this.#jobs.set(id, job)
    void this.#ask(job, request)
    this.#changed()
    return job
  }

  #hold(kind: 'import' | 'upload', file: File, options?: ImportOptions): LiveJob {
    const id = this.#ports.newId()
    const job: LiveJob = { id, file, options, own: true, watchers: 0, state: newProgress(kind, id, file.name, this.#now(), { stage: 'held', bytesTotal: file.size }) }
    this.#jobs.set(id, job)
    return job
  }

  /** Sends the file again with the same options, the one this tab holds or another; without a file, asks for the backup again. */
  retry(id: string, file = this.#jobs.get(id)?.file): Job | undefined {
    const old = this.#jobs.get(id)
    const kind = old?.state.kind ?? 'import'
    if (!file && kind !== 'backup') return undefined
    if (old?.own) this.#jobs.delete(id)
    if (!file) return this.request({ kind: 'backup' })
    return kind === 'upload' ? this.uploadBackup(file) : this.start([file], old?.options)[0]
  }

  /**
   * Resumes an import: begins it anew, with the file that the server kept, once the server has agreed. That can be done once:
   * whoever asks again, by a double click for instance, is given the same one.
   * @throws ApiError where it does not
   */
  resume(id: string): Promise<Job> {
    const resumed = this.#resumed.get(id) ?? this.#resume(id)
    this.#resumed.set(id, resumed)
    return resumed
  }

  async #resume(id: string): Promise<Job> {
    const newId = this.#ports.newId()
    const old = this.#jobs.get(id)
    try {
      const { table } = await this.#ports.resume(id, newId)
      const state = newProgress('import', newId, old?.state.filename ?? '', this.#now(), { table, bytesTotal: old?.state.stagedFile?.bytes })
      const job: LiveJob = { id: newId, file: old?.file, options: old?.options, own: true, watchers: 0, state }
      this.#jobs.set(newId, job)
      if (old?.own) this.#jobs.delete(id)
      this.#follower.follow(newId)
      void this.#follower.ask(newId)
      return job
    } catch (error) {
      this.#resumed.delete(id)
      this.#ifForgotten(id, error)
      throw error
    } finally {
      this.#changed()
    }
  }

  /**
   * Has the server drop the file it keeps of an import that can be resumed.
   * @throws ApiError where it does not
   */
  async forgetFile(id: string): Promise<void> {
    try {
      await this.#ports.forgetFile(id)
      this.#lacksFile(id)
    } catch (error) {
      this.#ifForgotten(id, error)
      throw error
    } finally {
      this.#changed()
    }
  }

  #ifForgotten(id: string, error: unknown): void {
    if (error instanceof ApiError && error.code === 'NOT_RESUMABLE') this.#lacksFile(id)
  }

  /** What is no longer kept is not offered again. */
  #lacksFile(id: string): void {
    const job = this.#jobs.get(id)
    if (job) job.state = { ...job.state, stagedFile: undefined }
  }

  /** Picks up after a reload what this tab had begun before it. */
  restore(): void {
    for (const { id, kind, filename, bytes, startedAt, held, ended, options } of recall(this.#ports.storage)) {
      if (this.#jobs.has(id)) continue
      const state = newProgress(kind, id, filename, startedAt, { bytesTotal: bytes, heardAt: this.#now() })
      this.#jobs.set(id, { id, file: undefined, options, own: true, watchers: 0, state, told: ended })
      if (held && !ended) {
        this.#apply(id, { type: 'failed', error: { code: 'UPLOAD_LOST', detail: 'The page was reloaded before the upload began.' } })
      } else {
        this.#follower.follow(id)
        void this.#follower.ask(id)
      }
    }
    this.#changed()
  }

  /**
   * Looks at any operation by its id, until `release` is called.
   * @throws ApiError where the server does not answer; an operation it does not know is a job that is gone
   */
  async watch({ kind, id }: NamedOperation): Promise<{ job: Job, release: () => void }> {
    const job = this.#jobs.get(id) ?? await this.#fetch(kind, id)
    job.watchers += 1
    // Every release needs its own follow: without, it would end the one of the operation's own tab.
    const follows = job.state.stage !== 'held' && job.state.stage !== 'ended'
    if (follows) this.#follower.follow(id)
    // Picked up after a reload and not heard of since: what there is to show comes with the answer.
    if (job.state.stage === 'running' && job.state.serverTime === 0 && !job.file) await this.#follower.ask(id)
    let watching = true
    return {
      job,
      release: () => {
        if (!watching) return
        watching = false
        job.watchers -= 1
        if (follows) this.#follower.release(id)
        if (job.watchers === 0 && !job.own) this.#jobs.delete(id)
      },
    }
  }

  async #fetch(kind: OperationKind, id: string): Promise<LiveJob> {
    let state: ProgressState
    try {
      state = kind === 'import' ? await this.#stateOfImport(id) : await this.#stateOfSession(id)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error
      state = advance(newProgress(kind, id, '', this.#now()), { type: 'gone' }, this.#now())
    }
    const job: LiveJob = this.#jobs.get(id) ?? { id, file: undefined, own: false, watchers: 0, state }
    this.#jobs.set(id, job)
    return job
  }

  async #stateOfImport(id: string): Promise<ProgressState> {
    const record = await this.#ports.record(id)
    const state = progressOfRecord(record, this.#now())
    if (state.stage !== 'running') return state
    const snapshot = await this.#ports.progress(id)
    // The server's clock may differ from this one: what counts is how long it has been running.
    const startedAt = this.#now() - Math.max(0, snapshot.timestamp - record.startedAt)
    return advance({ ...state, startedAt }, { type: 'message', message: snapshot }, this.#now())
  }

  /** Only imports have a history; of all others the server knows what its session says. */
  async #stateOfSession(id: string): Promise<ProgressState> {
    const snapshot = await this.#ports.progress(id)
    const now = this.#now()
    return advance(newProgress(kindOf(snapshot.metadata), id, '', now), { type: 'message', message: snapshot }, now)
  }

  /**
   * Stops an operation. Resolves when the server has agreed or the outcome is known.
   * @throws ApiError where the server could not be told, in which case it goes on
   */
  async cancel(id: string): Promise<void> {
    const job = this.#jobs.get(id)
    if (!job || job.state.stage === 'ended') return
    if (job.state.stage === 'held') {
      this.#apply(id, { type: 'failed', error: CANCELLED })
      return
    }
    this.#apply(id, { type: 'stopping', stopping: true })
    const sending = job.state.stage === 'uploading'
    try {
      await this.#ports.cancel({ kind: job.state.kind, id })
    } catch (error) {
      const code = error instanceof ApiError ? error.code : 'INTERNAL'
      if (!sending && code !== 'ALREADY_FINISHED' && code !== 'SESSION_NOT_FOUND') {
        this.#apply(id, { type: 'stopping', stopping: false })
        throw error
      }
    }
    job.upload?.abort()
    await this.#follower.ask(id)
    // Without the rest of the file there is nothing left that could finish.
    if (sending) this.#apply(id, { type: 'failed', error: CANCELLED })
  }

  /** Drops what has ended from this tab's list. */
  forgetEnded(): void {
    for (const job of this.#jobs.values()) {
      if (job.own && job.state.stage === 'ended' && job.watchers === 0) this.#jobs.delete(job.id)
    }
    this.#changed()
  }

  /** Drops an import from this tab's list: it was undone. */
  disown(id: string): void {
    const job = this.#jobs.get(id)
    if (!job) return
    job.own = false
    if (job.watchers === 0) this.#jobs.delete(id)
    this.#changed()
  }

  tryLive(): void {
    this.#follower.tryLive()
    this.#follower.askAll()
  }

  askAll(): void {
    this.#follower.askAll()
  }

  #fillSlots(): void {
    const jobs = this.own()
    let free = UPLOAD_SLOTS - jobs.filter(({ state }) => state.stage === 'uploading').length
    for (const job of jobs) {
      if (free > 0 && job.state.stage === 'held') {
        free -= 1
        void this.#send(job as LiveJob)
      }
    }
  }

  async #send(job: LiveJob): Promise<void> {
    const { id, file } = job
    if (!file) return
    this.#apply(id, { type: 'upload', loaded: 0, total: file.size })
    this.#follower.follow(id)
    job.upload = this.#ports.upload({ kind: job.state.kind, id }, file, { progress: (loaded, total) => this.#apply(id, { type: 'upload', loaded, total }) }, job.options)
    await this.#outcomeOf(job, job.upload.done.then(({ table, name }) => ({ table, filename: name })))
    delete job.upload
    this.#fillSlots()
    this.#changed()
  }

  async #ask(job: LiveJob, request: Request): Promise<void> {
    this.#follower.follow(job.id)
    await this.#outcomeOf(job, this.#ports.request(job.id, request).then(({ name }) => ({ filename: name })))
  }

  /** Waits for the server's word on whether it goes on with what was sent or asked. */
  async #outcomeOf(job: LiveJob, answer: Promise<{ table?: string | undefined, filename?: string | undefined }>): Promise<void> {
    const { id } = job
    try {
      this.#apply(id, { type: 'accepted', ...await answer })
      // The room was joined before the server knew the session, so what happened in between may have been missed.
      void this.#follower.ask(id)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return
      if (error instanceof ApiError && error.status > 0 && error.code !== 'UNREACHABLE') this.#apply(id, { type: 'failed', error: { code: error.code, detail: error.message } })
      else await this.#aftermath(job)
    }
  }

  /** The connection broke before the answer. The server may still have one: refused, cancelled, all of the file, begun. */
  async #aftermath(job: LiveJob): Promise<void> {
    const { stage } = job.state
    for (let attempt = 0; attempt < AFTERMATH.attempts && job.state.stage === stage; attempt++) {
      try {
        const snapshot = await this.#ports.progress(job.id)
        if (snapshot.status === 'completed' || snapshot.status === 'error' || (snapshot.metadata['phase'] !== 'upload' && snapshot.metadata['bytesReceived'] === undefined)) {
          this.#apply(job.id, { type: 'message', message: snapshot })
          return
        }
      } catch (error) {
        if (error instanceof ApiError && error.code === 'SESSION_NOT_FOUND') break
      }
      await new Promise((resolve) => setTimeout(resolve, AFTERMATH.pauseMs))
    }
    const code = job.state.bytesDone > 0 ? 'UPLOAD_LOST' : 'UNREACHABLE'
    this.#apply(job.id, { type: 'failed', error: { code, detail: 'The connection to the server ended before the whole file had arrived.' } })
  }

  #apply(id: string, event: ProgressEvent): void {
    const job = this.#jobs.get(id)
    if (!job) return
    const before = job.state
    job.state = advance(before, event, this.#now())
    if (job.state === before) return
    if (job.state.stage === 'ended') {
      this.#follower.forget(id)
      job.upload?.abort()
      if (job.told !== true) this.#handlers.ended(job)
    }
    if (job.state.stage !== before.stage) this.#changed()
    else this.#handlers.changed()
  }

  #changed(): void {
    remember(this.#ports.storage, this.own().map(({ id, file, options, state }) => ({
      id, kind: state.kind, filename: state.filename, bytes: file?.size ?? state.bytesTotal ?? 0, startedAt: state.startedAt,
      held: state.stage === 'held', ended: state.stage === 'ended', options,
    })))
    this.#handlers.changed()
  }
}
