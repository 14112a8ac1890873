import { Readable } from 'node:stream'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { RowSelection } from '../db/table-query.ts'
import { Fault, type FaultMessage } from '../faults.ts'
import type { ImportPreview, RowsPage, TableInfo } from '../protocol.ts'
import type { ExportFormat } from '../workers/export-format.ts'
import type { PreviewRequest } from '../workers/preview.ts'
import type { ReadAnswers, ReadResult, ReadTask } from '../workers/read-worker.ts'
import type { WriteTask } from '../workers/write-worker.ts'
import type { WriteTurns } from './write-turns.ts'

const worker = (name: string): string => new URL(`../workers/${name}.ts`, import.meta.url).href

/** A thread without work ends after this time, ms. */
const IDLE_TIMEOUT_MS = 30_000

/** Space for a thread's short-lived values, MiB; see docs/architecture.md. */
const MAX_YOUNG_MIB = 8

/** Questions answered at once: a slow one must not keep a quick one waiting. */
const MAX_QUERIES = 4

/** Downloads that run at once: each holds a thread for as long as its client takes. */
const MAX_DOWNLOADS = 4

/** What people do with tables. All of it happens in threads; the event loop stays free. */
export class Tables {
  readonly #queries: Piscina<ReadTask, ReadResult>
  readonly #downloads: Piscina<ReadTask, ReadResult>
  readonly #writes: Piscina<WriteTask, FaultMessage | null>
  readonly #turns: WriteTurns

  constructor(databasePath: string, turns: WriteTurns, busyTimeoutMs: number) {
    const shared = {
      workerData: { databasePath, busyTimeoutMs },
      idleTimeout: IDLE_TIMEOUT_MS,
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_MIB },
    }
    this.#queries = new Piscina({ ...shared, filename: worker('read-worker'), minThreads: 1, maxThreads: MAX_QUERIES })
    this.#downloads = new Piscina({ ...shared, filename: worker('read-worker'), minThreads: 0, maxThreads: MAX_DOWNLOADS })
    this.#writes = new Piscina({ ...shared, filename: worker('write-worker'), minThreads: 0, maxThreads: 1 })
    this.#turns = turns
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

  /** What an import would do. @throws Fault as the import itself would */
  preview(request: PreviewRequest): Promise<ImportPreview> {
    return this.#query({ kind: 'preview', request })
  }

  async #query<K extends 'tables' | 'table' | 'rows' | 'preview'>(task: ReadTask & { kind: K }): Promise<ReadAnswers[K]> {
    const result = await this.#queries.run(task) as ReadResult<K>
    if ('fault' in result) throw Fault.fromMessage(result.fault)
    return result.value
  }

  /**
   * The selected rows as a stream of text. Destroying the stream ends the reading.
   * @throws Fault on the stream
   */
  export(name: string, selection: RowSelection, format: ExportFormat): Readable {
    return this.#download((port) => ({ kind: 'export', name, selection, format, port }))
  }

  /** An import's rejected rows as a stream of CSV. @throws Fault SESSION_NOT_FOUND, NO_REJECTS on the stream */
  rejects(sessionId: string): Readable {
    return this.#download((port) => ({ kind: 'rejects', sessionId, port }))
  }

  #download(task: (port: MessagePort) => ReadTask): Readable {
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
    this.#downloads.run(task(port2), { transferList: [port2] }).then(
      (result) => {
        if ('fault' in result) stream.destroy(Fault.fromMessage(result.fault))
      },
      (error: unknown) => stream.destroy(Fault.from(error)),
    )
    return stream
  }

  /** @throws Fault TABLE_NOT_FOUND, SQLITE_BUSY */
  drop(table: string): Promise<void> {
    return this.#write({ kind: 'drop', table })
  }

  /** @param to a name that has passed checkTableName; @throws Fault TABLE_NOT_FOUND, TABLE_EXISTS, SQLITE_BUSY */
  rename(table: string, to: string): Promise<void> {
    return this.#write({ kind: 'rename', table, to })
  }

  /** Take an import back. @throws Fault NOT_UNDOABLE, SQLITE_BUSY */
  undo(importNumber: number): Promise<void> {
    return this.#write({ kind: 'undo', importNumber })
  }

  async #write(task: WriteTask): Promise<void> {
    const release = await this.#turns.take()
    try {
      const fault = await this.#writes.run(task)
      if (fault) throw Fault.fromMessage(fault)
    } finally {
      release()
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#queries.destroy(), this.#downloads.destroy(), this.#writes.destroy()])
  }
}
