import { Worker } from 'node:worker_threads'
import { Fault, type FaultMessage } from '../faults.ts'
import { imageMemory, MAX_PIECE_BYTES, type FileSummary, type OpenedFile, type RowBatch, type RowSourcePlan } from './row-source.ts'
import { FIRST_PIECE_BYTES, type Rows } from './rows.ts'
import { THREAD_LIMITS } from './thread-limits.ts'

/** Leave to read a batch: from how many bytes of the file, and memory to write its rows into. */
export interface ToReader {
  bytes: number
  memory: Uint8Array<ArrayBuffer>
}

export type FromReader =
  | { kind: 'opened', file: OpenedFile }
  | { kind: 'rows', batch: RowBatch }
  | { kind: 'ended', summary: FileSummary }
  | { kind: 'failed', fault: FaultMessage }

/** Batches under way: one that is being written, one that waits, so that writing need not, and one that is being read. */
const BATCHES_UNDER_WAY = 3

/** The rows of a file, read by a thread of its own while those before them are being written. */
export class RowStream implements Rows {
  readonly #worker: Worker
  readonly #received: FromReader[] = []
  readonly #ended: Promise<unknown>
  #wake: () => void = () => undefined
  #failure: Fault | undefined
  #summary: FileSummary | undefined

  constructor(plan: RowSourcePlan) {
    this.#worker = new Worker(new URL('./read-rows-worker.ts', import.meta.url), { workerData: plan, resourceLimits: THREAD_LIMITS })
    this.#worker.on('message', (message: FromReader) => {
      this.#received.push(message)
      this.#wake()
    })
    this.#worker.on('error', (error) => this.fail(Fault.from(error)))
    this.#ended = new Promise((resolve) => this.#worker.on('exit', () => {
      this.fail(new Fault('INTERNAL', 'The work stopped without a word. Nothing of it was kept.'))
      resolve(undefined)
    }))
  }

  async open(): Promise<OpenedFile> {
    const message = await this.#next()
    if (message.kind !== 'opened') throw new Error(`the reader began with ${message.kind}`)
    for (let batch = 0; batch < BATCHES_UNDER_WAY; batch++) this.makeRoom(FIRST_PIECE_BYTES, imageMemory())
    return message.file
  }

  async read(): Promise<RowBatch | null> {
    const message = await this.#next()
    if (message.kind === 'rows') return message.batch
    if (message.kind !== 'ended') throw new Error(`the reader said ${message.kind} among the rows`)
    this.#summary = message.summary
    return null
  }

  get summary(): FileSummary {
    return this.#summary!
  }

  makeRoom(bytes: number, memory: Uint8Array<ArrayBuffer>): void {
    this.#worker.postMessage({ bytes: Math.min(bytes, MAX_PIECE_BYTES), memory } satisfies ToReader, [memory.buffer])
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
    await this.#ended
  }

  async #next(): Promise<Exclude<FromReader, { kind: 'failed' }>> {
    while (this.#received.length === 0) {
      if (this.#failure) throw this.#failure
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    const message = this.#received.shift()!
    if (message.kind === 'failed') throw Fault.fromMessage(message.fault)
    return message
  }

  /** Expect no more rows. What was received before is still heard. */
  fail(fault: Fault): void {
    this.#failure ??= fault
    this.#wake()
  }
}
