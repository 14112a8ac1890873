import { Readable } from 'node:stream'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { RowSelection } from '../db/table-query.ts'
import { Fault, type FaultMessage } from '../faults.ts'
import type { RowsPage, TableInfo } from '../protocol.ts'
import type { DropTask } from '../workers/drop-worker.ts'
import type { ExportFormat } from '../workers/export-format.ts'
import type { ReadAnswers, ReadResult, ReadTask } from '../workers/read-worker.ts'
import type { WriteTurns } from './write-turns.ts'

const worker = (name: string): string => new URL(`../workers/${name}.ts`, import.meta.url).href

/** A thread without work ends after this time, ms. */
const IDLE_TIMEOUT_MS = 30_000

/** Downloads that run at once: each holds a thread for as long as its client takes. */
const MAX_EXPORTS = 4

/** What people do with tables. All of it happens in threads; the event loop stays free. */
export class Tables {
  readonly #queries: Piscina<ReadTask, ReadResult>
  readonly #exports: Piscina<ReadTask, ReadResult>
  readonly #drops: Piscina<DropTask, FaultMessage | null>
  readonly #turns: WriteTurns
  readonly #busyTimeoutMs: number

  constructor(databasePath: string, turns: WriteTurns, busyTimeoutMs: number) {
    const shared = { workerData: { databasePath }, idleTimeout: IDLE_TIMEOUT_MS }
    this.#queries = new Piscina({ ...shared, filename: worker('read-worker'), minThreads: 1, maxThreads: 2 })
    this.#exports = new Piscina({ ...shared, filename: worker('read-worker'), minThreads: 0, maxThreads: MAX_EXPORTS })
    this.#drops = new Piscina({ ...shared, filename: worker('drop-worker'), minThreads: 0, maxThreads: 1 })
    this.#turns = turns
    this.#busyTimeoutMs = busyTimeoutMs
  }

  list(): Promise<TableInfo[]> {
    return this.#query({ kind: 'tables' })
  }

  /** @throws Fault TABLE_NOT_FOUND */
  describe(name: string): Promise<TableInfo> {
    return this.#query({ kind: 'table', name })
  }

  /** @throws Fault TABLE_NOT_FOUND, BAD_QUERY */
  rows(name: string, selection: RowSelection, limit: number, offset: number): Promise<RowsPage> {
    return this.#query({ kind: 'rows', name, selection, limit, offset })
  }

  async #query<K extends 'tables' | 'table' | 'rows'>(task: ReadTask & { kind: K }): Promise<ReadAnswers[K]> {
    const result = await this.#queries.run(task) as ReadResult<K>
    if ('fault' in result) throw Fault.fromMessage(result.fault)
    return result.value
  }

  /**
   * The selected rows as a stream of text. Destroying the stream ends the reading.
   * @throws Fault on the stream
   */
  export(name: string, selection: RowSelection, format: ExportFormat): Readable {
    const { port1, port2 } = new MessageChannel()
    const stream = new Readable({
      encoding: 'utf8',
      read: () => port1.postMessage('more'),
      destroy: (error, done) => {
        port1.close()
        done(error)
      },
    })
    port1.on('message', (text: string | null) => stream.push(text))
    this.#exports.run({ kind: 'export', name, selection, format, port: port2 }, { transferList: [port2] }).then(
      (result) => {
        if ('fault' in result) stream.destroy(Fault.fromMessage(result.fault))
      },
      (error: unknown) => stream.destroy(Fault.from(error)),
    )
    return stream
  }

  /** @throws Fault TABLE_NOT_FOUND, SQLITE_BUSY */
  async drop(table: string): Promise<void> {
    const release = await this.#turns.take()
    try {
      const fault = await this.#drops.run({ table, busyTimeoutMs: this.#busyTimeoutMs })
      if (fault) throw Fault.fromMessage(fault)
    } finally {
      release()
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#queries.destroy(), this.#exports.destroy(), this.#drops.destroy()])
  }
}
