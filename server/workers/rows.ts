import type { FileSummary, OpenedFile, RowBatch, RowSourcePlan } from './row-source.ts'
import { imageMemory, MAX_PIECE_BYTES, RowSource } from './row-source.ts'

/** Bytes of the file in the first batches, before it is known how long one takes. */
export const FIRST_PIECE_BYTES = 256 * 2 ** 10

/** The rows of a file, batch by batch, wherever they are read. */
export interface Rows {
  /** What is known of the file by its first rows. @throws Fault */
  open: () => OpenedFile | Promise<OpenedFile>
  /** The next rows, null after the last. The caller gives the image's memory back by `makeRoom`. @throws Fault */
  read: () => RowBatch | null | Promise<RowBatch | null>
  /** @param bytes of the file in one of the next batches, at most MAX_PIECE_BYTES count */
  makeRoom: (bytes: number, memory: Uint8Array<ArrayBuffer>) => void
  /** What all rows together say. Known after the last. */
  readonly summary: FileSummary
  /** Stop reading, wherever it is. @returns when nothing of it is left */
  close: () => void | Promise<void>
}

/** Reads rows in the thread that writes them: without a thread more, which costs time and memory of its own. */
export class OwnRows implements Rows {
  readonly #source: RowSource
  #bytes = FIRST_PIECE_BYTES
  #memory = imageMemory()

  constructor(plan: RowSourcePlan) {
    this.#source = new RowSource(plan)
  }

  open(): OpenedFile {
    return this.#source.open()
  }

  read(): RowBatch | null {
    return this.#source.read(this.#bytes, this.#memory)
  }

  makeRoom(bytes: number, memory: Uint8Array<ArrayBuffer>): void {
    this.#bytes = Math.min(bytes, MAX_PIECE_BYTES)
    this.#memory = memory
  }

  get summary(): FileSummary {
    return this.#source.summary()
  }

  close(): void {
    this.#source.close()
  }
}
