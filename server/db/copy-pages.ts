import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../faults.ts'
import type { Db } from './open.ts'

/** Time that a batch of pages is meant to take, ms: often enough for a smooth bar and to notice a stop, rarely enough to be fast. */
const TARGET_BATCH_MS = 30

const MIN_BATCH_PAGES = 64
const MAX_BATCH_PAGES = 2 ** 16

/** How much a batch may grow over the one before, so that one that was lucky does not make the next one long. */
const MAX_GROWTH = 2

/** Pause between two tries for a lock that another program holds, ms. */
const RETRY_PAUSE_MS = 25

/** Pause between two looks whether work is done that the copy waits for, ms. better-sqlite3 asks at once again. */
const LOOK_PAUSE_MS = 2

export interface CopyWatch {
  /** How long to wait for another program's lock on the destination. */
  busyTimeoutMs: number
  /** Told after each batch; may throw to give up, and then the destination is as it was. */
  onProgress: (pagesDone: number, pagesTotal: number, pageBytes: number) => void
  /** Asked between tries for a lock; may throw to give up. */
  checkStop: () => void
  /** Work to be done while the destination is locked against other writers and nothing has been written to it yet. */
  whileLocked?: () => Promise<void>
  /** Work to be done before the batch that commits; may throw to give up. */
  beforeCommit?: () => Promise<void>
}

/**
 * Hold on to the database as it is now. Other connections go on writing; what they write is not seen any more, and so
 * cannot restart a copy either: SQLite begins anew only where a page that it has copied already changes for the reader
 * (https://sqlite.org/c3ref/backup_finish.html).
 */
export function pinSnapshot(db: Db): void {
  db.exec('BEGIN')
  // The snapshot is taken by the first read, not by BEGIN.
  db.prepare('SELECT count(*) FROM sqlite_schema').get()
}

/**
 * Replace all that a database holds by what another one holds, in one transaction that other connections see whole or
 * not at all (https://sqlite.org/backup.html). A destination that does not exist is made, and removed on failure.
 * @param source one whose snapshot has been pinned
 * @returns how many pages were copied
 * @throws SqliteError, Fault SQLITE_BUSY, and whatever the watch throws; the destination is as it was then
 */
export async function copyPages(source: Db, destination: string, watch: CopyWatch): Promise<number> {
  const deadline = performance.now() + watch.busyTimeoutMs
  const pageBytes = source.pragma('page_size', { simple: true }) as number
  for (;;) {
    watch.checkStop()
    const { totalPages } = await new Copy(source, destination, pageBytes, watch).run()
    // A destination that is locked by somebody else is answered with no pages at all, as if there were nothing to do.
    if (totalPages > 0) {
      watch.onProgress(totalPages, totalPages, pageBytes)
      return totalPages
    }
    if (performance.now() >= deadline) {
      throw new Fault('SQLITE_BUSY', 'Another program held a lock on the database for too long. Nothing was changed.')
    }
    await sleep(RETRY_PAUSE_MS)
  }
}

interface Transferred { totalPages: number, remainingPages: number }

class Copy {
  readonly #source: Db
  readonly #destination: string
  readonly #pageBytes: number
  readonly #watch: CopyWatch
  /** What is still to be done before the next pages, or before the last ones. */
  #whileLocked: (() => Promise<void>) | undefined
  #beforeCommit: (() => Promise<void>) | undefined
  #isWaiting = false
  #failure: { reason: unknown } | undefined
  #batch = MIN_BATCH_PAGES
  #batchStartedMs: number | undefined
  readonly #pause = new Int32Array(new SharedArrayBuffer(4))

  constructor(source: Db, destination: string, pageBytes: number, watch: CopyWatch) {
    this.#source = source
    this.#destination = destination
    this.#pageBytes = pageBytes
    this.#watch = watch
    this.#whileLocked = watch.whileLocked
    this.#beforeCommit = watch.beforeCommit
  }

  run(): Promise<Transferred> {
    return this.#source.backup(this.#destination, { progress: (transferred) => this.#next(transferred) })
  }

  /** @returns how many pages to copy next. The first call comes when the destination is locked and nothing is copied. */
  #next({ totalPages, remainingPages }: Transferred): number {
    if (this.#failure) throw this.#failure.reason
    this.#watch.checkStop()
    if (this.#whileLocked) {
      this.#waitFor(this.#whileLocked)
      this.#whileLocked = undefined
    }
    if (this.#isWaiting) return this.#look()
    const now = performance.now()
    if (this.#batchStartedMs !== undefined) {
      const wanted = this.#batch * Math.min(MAX_GROWTH, TARGET_BATCH_MS / Math.max(now - this.#batchStartedMs, 1))
      this.#batch = Math.round(Math.min(MAX_BATCH_PAGES, Math.max(MIN_BATCH_PAGES, wanted)))
    }
    this.#watch.onProgress(totalPages - remainingPages, totalPages, this.#pageBytes)
    if (this.#batch >= remainingPages && this.#beforeCommit) {
      this.#waitFor(this.#beforeCommit)
      this.#beforeCommit = undefined
      this.#batchStartedMs = undefined
      return this.#look()
    }
    this.#batchStartedMs = now
    return this.#batch
  }

  #waitFor(work: () => Promise<void>): void {
    this.#isWaiting = true
    work().then(() => (this.#isWaiting = false), (reason: unknown) => (this.#failure = { reason }))
  }

  /** Asks for no pages, and not to be asked again at once: what is waited for needs the processor. */
  #look(): number {
    Atomics.wait(this.#pause, 0, 0, LOOK_PAUSE_MS)
    return 0
  }
}
