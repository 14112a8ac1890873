/**
 * The imports this browser tab knows: those it began, and those somebody looks at. Sends files, two at a time, and keeps
 * each import's state current until its outcome is known. Draws nothing.
 */
import type { FailureInfo, ImportRecord, ProgressSnapshot } from '../../../server/protocol.ts'
import { ApiError } from './api.ts'
import { Follower, type ProgressSocket } from './follower.ts'
import { recall, remember, type JobStorage } from './job-memory.ts'
import type { ImportOptions } from './import-options.ts'
import type { Link } from './link.ts'
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

export interface JobsPorts {
  socket: ProgressSocket
  upload: StartUpload
  progress: (id: string) => Promise<ProgressSnapshot>
  record: (id: string) => Promise<ImportRecord>
  cancel: (id: string) => Promise<unknown>
  storage: JobStorage
  newId: () => string
  now?: () => number
}

export interface JobsHandlers {
  /** Something changed; called often. */
  changed: () => void
  /** An import reached its outcome, once each. */
  ended: (job: Job) => void
}

const CANCELLED: FailureInfo = { code: 'CANCELLED', detail: 'The import was stopped before its upload was complete.' }

export class Jobs {
  #jobs = new Map<string, LiveJob>()
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
    const jobs = files.map((file): LiveJob => {
      const id = this.#ports.newId()
      return { id, file, options, own: true, watchers: 0, state: newProgress(id, file.name, this.#now(), { stage: 'held', bytesTotal: file.size }) }
    })
    for (const job of jobs) this.#jobs.set(job.id, job)
    this.#fillSlots()
    this.#changed()
    return jobs
  }

  /** Begins the import again with the same options, with the file this tab holds or with another. */
  retry(id: string, file = this.#jobs.get(id)?.file): Job | undefined {
    if (!file) return undefined
    const old = this.#jobs.get(id)
    if (old?.own) this.#jobs.delete(id)
    return this.start([file], old?.options)[0]
  }

  /** Picks up after a reload what this tab had begun before it. */
  restore(): void {
    for (const { id, filename, bytes, startedAt, held, ended, options } of recall(this.#ports.storage)) {
      if (this.#jobs.has(id)) continue
      const state = newProgress(id, filename, startedAt, { bytesTotal: bytes, heardAt: this.#now() })
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
   * Looks at any import by its id, until `release` is called.
   * @throws ApiError where the server does not answer; an import it does not know is a job that is gone
   */
  async watch(id: string): Promise<{ job: Job, release: () => void }> {
    const job = this.#jobs.get(id) ?? await this.#fetch(id)
    job.watchers += 1
    // Every release needs its own follow: without, it would end the one of the import's own tab.
    const follows = job.state.stage === 'running' || job.state.stage === 'uploading'
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

  async #fetch(id: string): Promise<LiveJob> {
    let state: ProgressState
    try {
      const record = await this.#ports.record(id)
      state = progressOfRecord(record, this.#now())
      if (state.stage === 'running') {
        const snapshot = await this.#ports.progress(id)
        // The server's clock may differ from this one: what counts is how long it has been running.
        const startedAt = this.#now() - Math.max(0, snapshot.timestamp - record.startedAt)
        state = advance({ ...state, startedAt }, { type: 'message', message: snapshot }, this.#now())
      }
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error
      state = advance(newProgress(id, '', this.#now()), { type: 'gone' }, this.#now())
    }
    const job: LiveJob = this.#jobs.get(id) ?? { id, file: undefined, own: false, watchers: 0, state }
    this.#jobs.set(id, job)
    return job
  }

  /**
   * Stops an import. Resolves when the server has agreed or the outcome is known.
   * @throws ApiError where the server could not be told, in which case the import goes on
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
      await this.#ports.cancel(id)
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

  /** Drops ended imports from this tab's list. */
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
    job.upload = this.#ports.upload(id, file, { progress: (loaded, total) => this.#apply(id, { type: 'upload', loaded, total }) }, job.options)
    try {
      const { table } = await job.upload.done
      this.#apply(id, { type: 'received', table })
      // The room was joined before the server knew the session, so what happened in between may have been missed.
      void this.#follower.ask(id)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return
      if (error instanceof ApiError && error.status > 0 && error.code !== 'UNREACHABLE') this.#apply(id, { type: 'failed', error: { code: error.code, detail: error.message } })
      else await this.#aftermath(job)
    } finally {
      delete job.upload
      this.#fillSlots()
      this.#changed()
    }
  }

  /** The connection broke during an upload. The server may still have an answer: refused, cancelled, or all of the file. */
  async #aftermath(job: LiveJob): Promise<void> {
    for (let attempt = 0; attempt < AFTERMATH.attempts && job.state.stage === 'uploading'; attempt++) {
      try {
        const snapshot = await this.#ports.progress(job.id)
        if (snapshot.status === 'completed' || snapshot.status === 'error' || snapshot.metadata['phase'] !== 'upload') {
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
      id, filename: state.filename, bytes: file?.size ?? state.bytesTotal ?? 0, startedAt: state.startedAt,
      held: state.stage === 'held', ended: state.stage === 'ended', options,
    })))
    this.#handlers.changed()
  }
}
