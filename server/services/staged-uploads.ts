import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { whyNotCsv } from '../csv/not-csv.ts'
import { Fault } from '../faults.ts'
import { checkRoom } from './disk-space.ts'
import type { StagedFile } from './import-job.ts'

/** First bytes of a file by which text is told from anything else. */
const HEAD_BYTES = 64 * 2 ** 10

/** First bytes of a file whose hash, with the size, tells whether it was seen before. A preview holds as many. */
export const FINGERPRINT_BYTES = 2 ** 20

/** Bytes between two reports of progress. */
const REPORT_BYTES = 256 * 2 ** 10

/** The folder in which uploads wait for their import. Whatever lies in it at start-up has lost its import. */
export class StagedUploads {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Make the folder and empty it. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.#folder)) await rm(join(this.#folder, name), { recursive: true, force: true })
  }

  /** @throws Fault DISK_FULL where the disk has no room for that many bytes */
  checkRoom(bytes: number): Promise<void> {
    return checkRoom(this.#folder, bytes)
  }

  async remove(file: StagedFile): Promise<void> {
    await rm(file.path, { force: true })
  }

  /**
   * Write a stream to a file of its own, never holding more of it than one chunk.
   * @param signal ends it early; its reason is thrown
   * @throws Fault EMPTY_FILE, NOT_CSV, DISK_FULL; no file is left then
   */
  async store(id: string, stream: Readable, watch: UploadWatch, signal: AbortSignal): Promise<StagedFile> {
    const path = join(this.#folder, `${id}.part`)
    const check = new TextCheck(watch)
    try {
      await pipeline(stream, check, createWriteStream(path, { mode: 0o600 }), { signal })
      return { path, ...check.result() }
    } catch (error) {
      await rm(path, { force: true })
      throw signal.aborted ? signal.reason : error
    }
  }
}

/** Who hears of an upload while it arrives. */
export interface UploadWatch {
  /** Told how many bytes have arrived. */
  onBytes: (bytes: number) => void
  /** Told the file's first bytes, once they are known to be text. */
  onHead: (head: Buffer) => void
}

/** Passes bytes on, hashes and counts them, and stops at the first sign that they are no text. */
class TextCheck extends Transform {
  readonly #hash = createHash('sha256')
  readonly #watch: UploadWatch
  readonly #fingerprint = createHash('sha256')
  #head: Buffer[] | null = []
  #bytes = 0
  #asciiBytes = 0
  #reported = 0

  constructor(watch: UploadWatch) {
    super()
    this.#watch = watch
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null, data?: Buffer) => void): void {
    this.#hash.update(chunk)
    if (this.#bytes < FINGERPRINT_BYTES) this.#fingerprint.update(chunk.subarray(0, FINGERPRINT_BYTES - this.#bytes))
    if (this.#asciiBytes === this.#bytes) this.#asciiBytes += isAscii(chunk) ? chunk.length : chunk.findIndex((byte) => byte > 127)
    this.#bytes += chunk.length
    if (this.#bytes - this.#reported >= REPORT_BYTES) {
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
    done(null, chunk)
  }

  override _flush(done: (error?: Error | null) => void): void {
    this.#watch.onBytes(this.#bytes)
    done(this.#bytes === 0 ? new Fault('EMPTY_FILE', 'The file is empty.') : this.#judgeHead())
  }

  result(): Omit<StagedFile, 'path'> {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex'), headSha256: this.#fingerprint.digest('hex'), asciiBytes: this.#asciiBytes }
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
