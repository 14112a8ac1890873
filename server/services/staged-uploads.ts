import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Transform, Writable, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { whyNotCsv } from '../csv/not-csv.ts'
import type { ImportStart } from '../db/imports-store.ts'
import type { Db } from '../db/open.ts'
import { deleteStaged, findKept, handOverStaged, insertStaged, keepStaged, listStaged, type StagedRecord } from '../db/staged-store.ts'
import { Fault } from '../faults.ts'
import type { KeptFile } from '../protocol.ts'
import { checkRoom, freeBytes } from './disk-space.ts'
import type { StagedFile } from './import-job.ts'
import { steadyNow } from './steady-clock.ts'

/** First bytes of a file by which text is told from anything else. */
const HEAD_BYTES = 64 * 2 ** 10

/** First bytes of a file whose hash, with the size, tells whether it was seen before. A preview holds as many. */
export const FINGERPRINT_BYTES = 2 ** 20

/** Bytes between two reports of progress. */
const REPORT_BYTES = 256 * 2 ** 10

/** How often it is looked for kept files whose time is up, ms. */
const PRUNE_INTERVAL_MS = 3600_000

/**
 * The folder in which uploads wait for their import. Each that has arrived whole has a record, so that a start after a
 * crash knows which of them an interrupted import can still be made of.
 */
export class StagedUploads {
  readonly #folder: string
  readonly #db: Db
  readonly #keepMs: number
  readonly #pruning: NodeJS.Timeout

  /**
   * @param db of the records, which no restore replaces
   * @param keepMs how long the file of an import that can be resumed is kept
   */
  constructor(folder: string, db: Db, keepMs: number) {
    this.#folder = folder
    this.#db = db
    this.#keepMs = keepMs
    this.#pruning = setInterval(() => void this.prune().catch(() => undefined), PRUNE_INTERVAL_MS).unref()
  }

  /**
   * Make the folder, and leave only whole files of imports that can be resumed in it.
   * @param isResumable whether the import of that session ended in a way that keeps its file
   */
  async open(isResumable: (sessionId: string) => boolean): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const kept = new Set<string>()
    for (const { start, file, bytes, keptSince } of listStaged(this.#db)) {
      const isWhole = await stat(join(this.#folder, file)).then(({ size }) => size === bytes, () => false)
      if (!isWhole || !isResumable(start.sessionId)) continue
      // Its time runs from when it could first be resumed, however long the server was away.
      if (keptSince === null) keepStaged(this.#db, file, steadyNow())
      kept.add(file)
    }
    for (const { file } of listStaged(this.#db)) if (!kept.has(file)) deleteStaged(this.#db, file)
    for (const name of await readdir(this.#folder)) if (!kept.has(name)) await rm(join(this.#folder, name), { recursive: true, force: true })
    await this.prune()
  }

  close(): void {
    clearInterval(this.#pruning)
  }

  /**
   * See to it that there is room for an upload. Kept files give way to it, those that have been kept longest first.
   * @throws Fault DISK_FULL where the disk has no room for that many bytes
   */
  async checkRoom(bytes: number): Promise<void> {
    // None of them goes for what would not fit then either.
    if (bytes > await freeBytes(this.#folder) + this.keptBytes) return checkRoom(this.#folder, bytes)
    for (let oldest; bytes > await freeBytes(this.#folder) && (oldest = this.#kept()[0]);) await this.#drop(oldest.file)
    await checkRoom(this.#folder, bytes)
  }

  /** What cannot be removed now, from a disk that has turned read-only say, is removed at the next start. */
  async remove({ path }: Pick<StagedFile, 'path'>): Promise<void> {
    await this.#drop(basename(path)).catch(() => undefined)
  }

  /**
   * Write a stream to a file of its own, never holding more of it than one chunk.
   * @param start of the import it is for
   * @param options JSON text, as it came
   * @param signal ends it early; its reason is thrown
   * @throws Fault EMPTY_FILE, NOT_CSV, DISK_FULL; no file is left then
   */
  async store(start: ImportStart, options: string | undefined, stream: Readable, watch: UploadWatch, signal: AbortSignal): Promise<StagedFile> {
    const file = `${start.sessionId}.part`
    const path = join(this.#folder, file)
    const written = createWriteStream(path, { mode: 0o600 })
    const check = new TextCheck({ ...watch, onBytes: (bytes) => {
      watch.onBytes(bytes)
      watch.onStored(path, written.bytesWritten, false)
    } })
    try {
      await pipeline(stream, check, written, { signal })
      const result = check.result()
      watch.onStored(path, result.bytes, true)
      insertStaged(this.#db, { start, file, options: options ?? null, bytes: result.bytes, sha256: result.sha256, keptSince: null })
      return { path, ...result }
    } catch (error) {
      await this.remove({ path })
      throw signal.aborted ? signal.reason : error
    }
  }

  /** What is kept of imports that can be resumed, by session. */
  kept(): Map<string, KeptFile> {
    return new Map(this.#kept().map(({ start, bytes, keptSince }) => [start.sessionId, { bytes, until: keptSince + this.#keepMs }]))
  }

  /** What all kept files take. */
  get keptBytes(): number {
    return this.#kept().reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** The file that is kept of an import that can be resumed. @throws Fault NOT_RESUMABLE */
  find(sessionId: string): UncheckedFile {
    const { start, file, options, bytes, sha256 } = this.#find(sessionId)
    return { path: join(this.#folder, file), filename: start.filename, options: options ?? undefined, bytes, sha256 }
  }

  /** Give such a file to the import that begins anew with it. */
  handOver({ path }: UncheckedFile, start: ImportStart): void {
    handOverStaged(this.#db, basename(path), start)
  }

  /**
   * Keep a file once more whose new import has failed as well.
   * @returns false where that cannot be noted now; the next start does it
   */
  keepAgain({ path }: UncheckedFile): boolean {
    try {
      keepStaged(this.#db, basename(path), steadyNow())
      return true
    } catch {
      return false
    }
  }

  /**
   * Read a file that was kept once more, as `store` does, to be sure that it is still what had arrived.
   * @param signal ends it early; its reason is thrown
   * @throws Fault UPLOAD_LOST where it is not
   */
  async check({ path, sha256 }: UncheckedFile, watch: TextWatch, signal: AbortSignal): Promise<StagedFile> {
    const check = new TextCheck(watch)
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    try {
      await pipeline(createReadStream(path), check, nowhere, { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : new Fault('UPLOAD_LOST', 'The file that was kept of this import cannot be read any more.', { cause: error })
    }
    const result = check.result()
    if (result.sha256 !== sha256) throw new Fault('UPLOAD_LOST', 'The file that was kept of this import is no longer whole.')
    return { path, ...result }
  }

  /** Drop the file that is kept of an import that can be resumed. @throws Fault NOT_RESUMABLE */
  async forget(sessionId: string): Promise<void> {
    await this.#drop(this.#find(sessionId).file)
  }

  /** Drop kept files whose time is up. */
  async prune(now = steadyNow()): Promise<void> {
    const isDue = ({ keptSince }: { keptSince: number }): boolean => now >= keptSince + this.#keepMs
    // Looked up anew each time: one may have been handed to an import meanwhile.
    for (let due; (due = this.#kept().find(isDue));) await this.#drop(due.file)
  }

  #kept(): (StagedRecord & { keptSince: number })[] {
    return listStaged(this.#db).filter((record): record is StagedRecord & { keptSince: number } => record.keptSince !== null)
  }

  #find(sessionId: string): StagedRecord {
    const record = findKept(this.#db, sessionId)
    if (!record) throw new Fault('NOT_RESUMABLE', 'The file of this import is not kept here. An import that the server interrupted after its upload can be resumed, for a while. Send the file again.')
    return record
  }

  /** The file goes first: one without a record is removed at the next start, a record without its file as well. */
  async #drop(file: string): Promise<void> {
    await rm(join(this.#folder, file), { force: true })
    deleteStaged(this.#db, file)
  }
}

/** A file that was kept, which nobody has looked into since. */
export interface UncheckedFile {
  path: string
  filename: string
  /** JSON text, as it came. */
  options: string | undefined
  bytes: number
  sha256: string
}

/** Who hears of a file's bytes while they pass by. */
export interface TextWatch {
  /** Told how many there were. */
  onBytes: (bytes: number) => void
  /** Told the file's first bytes, once they are known to be text. */
  onHead: (head: Buffer) => void
}

/** Who hears of an upload while it arrives. */
export interface UploadWatch extends TextWatch {
  /** Told how many bytes of the file can be read, and whether these are all. */
  onStored: (path: string, bytes: number, isWhole: boolean) => void
}

/** Passes bytes on, hashes and counts them, and stops at the first sign that they are no text. */
class TextCheck extends Transform {
  readonly #hash = createHash('sha256')
  readonly #watch: TextWatch
  readonly #fingerprint = createHash('sha256')
  #head: Buffer[] | null = []
  #bytes = 0
  #reported = 0

  constructor(watch: TextWatch) {
    super()
    this.#watch = watch
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null, data?: Buffer) => void): void {
    this.#hash.update(chunk)
    if (this.#bytes < FINGERPRINT_BYTES) this.#fingerprint.update(chunk.subarray(0, FINGERPRINT_BYTES - this.#bytes))
    this.#bytes += chunk.length
    const isDue = this.#bytes - this.#reported >= REPORT_BYTES
    if (isDue) {
      this.#reported = this.#bytes
      this.#watch.onBytes(this.#bytes)
    }
    if (this.#head) {
      this.#head.push(chunk)
      if (this.#bytes >= HEAD_BYTES) {
        const fault = this.#judgeHead()
        if (fault) return done(fault)
      }
    }
    // From a fast network more bytes are there at once than others should wait for.
    if (isDue) setImmediate(done, null, chunk)
    else done(null, chunk)
  }

  override _flush(done: (error?: Error | null) => void): void {
    this.#watch.onBytes(this.#bytes)
    done(this.#bytes === 0 ? new Fault('EMPTY_FILE', 'The file is 0 bytes long.') : this.#judgeHead())
  }

  result(): Omit<StagedFile, 'path'> {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex'), headSha256: this.#fingerprint.digest('hex') }
  }

  #judgeHead(): Fault | null {
    if (!this.#head) return null
    const head = Buffer.concat(this.#head).subarray(0, HEAD_BYTES)
    this.#head = null
    const obstacle = whyNotCsv(head)
    if (obstacle === null) this.#watch.onHead(head)
    return obstacle === null ? null : new Fault('NOT_CSV', obstacle)
  }
}
