import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../faults.ts'
import { pinSnapshot, type CopyWatch } from './copy-pages.ts'
import type { Db } from './open.ts'

/** How often it is tried to find a moment in which nobody commits. Imports leave several of them in each 100 ms. */
const SETTLE_TRIES = 8

/** Pause between two tries, ms. */
const SETTLE_PAUSE_MS = 10

/** Bytes copied at once: as large as helps, small enough to tell of progress. */
const PIECE_BYTES = 2 ** 20

/** Where the header says how the file is written and read, one byte each, and what it says of one with a rollback journal. */
const VERSIONS_OFFSET = 18
const ROLLBACK_VERSION = 1

/** Time between two reports, ms. */
const REPORT_INTERVAL_MS = 30

/**
 * Pin a snapshot that lies in the database file alone, with nothing of it in a log. From then on, and for as long as it is
 * pinned, nobody changes those bytes: a checkpoint stops at what the oldest reader may not see
 * (https://sqlite.org/wal.html#concurrency), and without a log a writer waits for readers.
 *
 * In write-ahead logging that takes a checkpoint which copies all of the log, and that nobody commits from before it until
 * the snapshot is taken, which `data_version` tells (https://sqlite.org/pragma.html#pragma_data_version).
 * @param db a connection without a transaction; what one that may only query has a log of is never settled
 * @returns false where there was no such moment, and then nothing is pinned: others commit without a pause, or read what is older
 * @throws SqliteError
 */
export async function pinSettled(db: Db): Promise<boolean> {
  const numberOf = (pragma: string): number => db.pragma(pragma, { simple: true }) as number
  if (db.pragma('journal_mode', { simple: true }) !== 'wal') {
    pinSnapshot(db)
    return true
  }
  if (numberOf('query_only') === 1) return false
  for (let tries = 0; tries < SETTLE_TRIES; tries++) {
    const before = numberOf('data_version')
    const [checkpoint] = db.pragma('wal_checkpoint(PASSIVE)') as { busy: number, log: number, checkpointed: number }[]
    pinSnapshot(db)
    if (checkpoint!.busy === 0 && checkpoint!.log === checkpoint!.checkpointed && numberOf('data_version') === before) return true
    db.exec('ROLLBACK')
    await sleep(SETTLE_PAUSE_MS)
  }
  return false
}

/**
 * Copy a database file in large pieces, which takes less than half of the time that page after page does, and hash it meanwhile.
 * The copy needs no other file beside it: its header says that it is written with a rollback journal
 * (https://sqlite.org/fileformat2.html#file_format_version_numbers), whatever that of the source says; else they are equal.
 *
 * Only for a process that has no other connection to the source, but those that are waited for: closing a file ends all of a
 * process's locks on it (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
 * @param db whose snapshot was pinned by `pinSettled`; it is closed, since the source has to stay open for longer
 * @param otherReaders fulfilled when this process has no other connection to the source any more; the source stays pinned and open until then
 * @returns the SHA-256 of the copy
 * @throws Fault DATABASE_DAMAGED, and what the system says where files cannot be read or written
 */
export async function copySettled(db: Db, destination: string, onProgress: CopyWatch['onProgress'], otherReaders?: Promise<unknown>): Promise<string> {
  let from: FileHandle | undefined
  const close = async (): Promise<void> => {
    db.close()
    await from?.close()
  }
  try {
    const pageBytes = db.pragma('page_size', { simple: true }) as number
    const pages = db.pragma('page_count', { simple: true }) as number
    const total = pages * pageBytes
    const source = from = await open(db.name, 'r')
    await using to = await open(destination, 'wx', 0o600)
    const digest = createHash('sha256')
    const readAt = (position: number, into: Buffer): Promise<number> => readWhole(source, into.subarray(0, Math.min(PIECE_BYTES, total - position)), position)
    let [piece, next] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)]
    let length = await readAt(0, piece)
    piece.fill(ROLLBACK_VERSION, VERSIONS_OFFSET, VERSIONS_OFFSET + 2)
    let reportedMs = 0
    for (let done = 0; done < total;) {
      const bytes = piece.subarray(0, length)
      // The system reads and writes while this thread hashes.
      const [writing, reading] = [to.writeFile(bytes), readAt(done + length, next)]
      digest.update(bytes)
      done += length
      ;[, length] = await Promise.all([writing, reading])
      ;[piece, next] = [next, piece]
      if (performance.now() - reportedMs < REPORT_INTERVAL_MS) continue
      reportedMs = performance.now()
      onProgress(Math.floor(done / pageBytes), pages, pageBytes)
    }
    onProgress(pages, pages, pageBytes)
    return digest.digest('hex')
  } finally {
    if (otherReaders) void otherReaders.then(close)
    else await close()
  }
}

/** @throws Fault DATABASE_DAMAGED where the file ends before the piece is full */
async function readWhole(file: FileHandle, piece: Buffer, position: number): Promise<number> {
  for (let done = 0; done < piece.length;) {
    const { bytesRead } = await file.read(piece, done, piece.length - done, position + done)
    if (bytesRead === 0) throw new Fault('DATABASE_DAMAGED', 'The database file is shorter than it should be.')
    done += bytesRead
  }
  return piece.length
}
