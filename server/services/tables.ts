import { Readable } from 'node:stream'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { Interrupt } from '../db/interrupt.ts'
import type { PageRequest, RowSelection } from '../db/table-query.ts'
import { Fault, type FaultMessage } from '../faults.ts'
import type { ColumnSummary, ImportPreview, RejectReason, RowsPageSoFar, TableInfo } from '../protocol.ts'
import type { PreviewRequest } from '../workers/preview.ts'
import type { ExportRequest, ReadAnswers, ReadResult, ReadTask } from '../workers/read-worker.ts'
import type { WriteTask } from '../workers/write-worker.ts'
import type { DataChanged } from './data-changed.ts'
import type { DatabaseFile } from './database-file.ts'
import { IndexBuilds } from './index-builds.ts'
import type { RestoreGate } from './restore-gate.ts'
import type { WriteTurns } from './write-turns.ts'

const worker = (name: string): string => new URL(`../workers/${name}.ts`, import.meta.url).href

/** A thread without work ends after this time, ms. */
const IDLE_TIMEOUT_MS = 30_000

/** Space for a thread's short-lived values, MiB; see docs/architecture.md. */
const MAX_YOUNG_MIB = 8

/** Questions answered at once that are known to be quick. */
const MAX_QUERIES = 2

/** Previews worked out at once: a hostile file keeps a thread busy for longer than people wait for a page of rows. */
const MAX_PREVIEWS = 2

/** Questions answered at once that may read all of a table; further ones wait, and quick ones do not wait for them. */
const MAX_SCANS = 4

/** Counts that are remembered: as many as people may look through in turns. */
const MAX_COUNTS = 200

/** Another program may write into a table, of which its version tells nothing; so no count is believed for longer, ms. */
const COUNT_LIFETIME_MS = 60_000

/** Downloads that run at once: each holds a thread for as long as its client takes. */
const MAX_DOWNLOADS = 4

type TaskOf<K> = Extract<ReadTask, { kind: K }>

/** What people do with tables. All of it happens in threads; the event loop stays free. */
export class Tables {
  readonly #queries: Piscina<ReadTask, ReadResult>
  readonly #scans: Piscina<ReadTask, ReadResult>
  readonly #previews: Piscina<ReadTask, ReadResult>
  /** By table, its version and what is selected; the least recently used first. */
  readonly #counts = new Map<string, { total: number, at: number }>()
  readonly #downloads: Piscina<ReadTask, ReadResult>
  readonly #writes: Piscina<WriteTask, FaultMessage | null>
  readonly #indexBuilds: IndexBuilds
  readonly #turns: WriteTurns
  readonly #file: DatabaseFile
  readonly #gate: RestoreGate
  readonly #onDataChanged: DataChanged
  #isClosing = false
  readonly #generation = new Int32Array(new SharedArrayBuffer(4))

  constructor(databasePath: string, file: DatabaseFile, turns: WriteTurns, busyTimeoutMs: number, gate: RestoreGate, onDataChanged: DataChanged) {
    const shared = {
      workerData: { databasePath, busyTimeoutMs, generation: this.#generation.buffer },
      idleTimeout: IDLE_TIMEOUT_MS,
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_MIB },
    }
    this.#queries = new Piscina({ ...shared, filename: worker('read-worker'), minThreads: 1, maxThreads: MAX_QUERIES })
    this.#scans = new Piscina({ ...shared, filename: worker('read-worker'), minThreads: 0, maxThreads: MAX_SCANS })
    this.#previews = new Piscina({ ...shared, filename: worker('read-worker'), minThreads: 0, maxThreads: MAX_PREVIEWS })
    this.#downloads = new Piscina({ ...shared, filename: worker('read-worker'), minThreads: 0, maxThreads: MAX_DOWNLOADS })
    this.#writes = new Piscina({ ...shared, filename: worker('write-worker'), minThreads: 0, maxThreads: 1 })
    this.#indexBuilds = new IndexBuilds(databasePath, turns, busyTimeoutMs, () => this.#checkWritable())
    this.#turns = turns
    this.#file = file
    this.#gate = gate
    this.#onDataChanged = onDataChanged
  }

  /** Have the threads that read open the database anew, since another content is in it, of which nothing is known. */
  reopen(): void {
    this.#counts.clear()
    Atomics.add(this.#generation, 0, 1)
  }

  list(): Promise<TableInfo[]> {
    return this.#ask(this.#queries, { kind: 'tables' })
  }

  /** @throws Fault TABLE_NOT_FOUND */
  describe(name: string): Promise<TableInfo> {
    return this.#ask(this.#queries, { kind: 'table', name })
  }

  /**
   * @param signal gives the query up
   * @throws Fault TABLE_NOT_FOUND, BAD_QUERY, CANCELLED
   */
  async rows(name: string, request: PageRequest, signal: AbortSignal): Promise<RowsPageSoFar> {
    const { sort, search, filters } = request.selection
    const isQuick = !sort && search === undefined && filters.length === 0
    const { page, version } = await this.#askUntil(signal, isQuick ? this.#queries : this.#scans, (interrupt) => ({ kind: 'rows', name, request, interrupt }))
    return { ...page, total: page.total ?? this.#countOf(countKey(name, version, request.selection)) ?? null }
  }

  /**
   * How many rows match; remembered as long as the table stays what it is.
   * @param signal gives the query up
   * @throws Fault TABLE_NOT_FOUND, BAD_QUERY, CANCELLED
   */
  async count(name: string, selection: RowSelection, signal: AbortSignal): Promise<number> {
    const known = this.#countOf(countKey(name, await this.#ask(this.#queries, { kind: 'version', name }), selection))
    if (known !== undefined) return known
    const { total, version } = await this.#askUntil(signal, this.#scans, (interrupt) => ({ kind: 'count', name, selection, interrupt }))
    const key = countKey(name, version, selection)
    if (key !== undefined) {
      this.#counts.set(key, { total, at: Date.now() })
      const [oldest] = this.#counts.keys()
      if (this.#counts.size > MAX_COUNTS && oldest !== undefined) this.#counts.delete(oldest)
    }
    return total
  }

  #countOf(key: string | undefined): number | undefined {
    const known = key === undefined ? undefined : this.#counts.get(key)
    if (key === undefined || !known) return undefined
    this.#counts.delete(key)
    if (Date.now() - known.at > COUNT_LIFETIME_MS) return undefined
    this.#counts.set(key, known)
    return known.total
  }

  /**
   * What a column holds.
   * @param signal gives the query up
   * @throws Fault TABLE_NOT_FOUND, BAD_QUERY, CANCELLED
   */
  summary(name: string, column: string, selection: RowSelection, signal: AbortSignal): Promise<ColumnSummary> {
    return this.#askUntil(signal, this.#scans, (interrupt) => ({ kind: 'summary', name, column, selection, interrupt }))
  }

  /** What an import would do. @throws Fault as the import itself would */
  preview(request: PreviewRequest): Promise<ImportPreview> {
    return this.#ask(this.#previews, { kind: 'preview', request })
  }

  async #ask<K extends keyof ReadAnswers>(pool: Piscina<ReadTask, ReadResult>, task: TaskOf<K>): Promise<ReadAnswers[K]> {
    const result = await pool.run(task).catch((error: unknown) => {
      throw this.#explain(error)
    }) as ReadResult<K>
    if ('fault' in result) throw Fault.fromMessage(result.fault)
    return result.value
  }

  /** Ask what may take long, until nobody waits for it any more. */
  async #askUntil<K extends keyof ReadAnswers>(
    signal: AbortSignal, pool: Piscina<ReadTask, ReadResult>, task: (interrupt: SharedArrayBuffer) => TaskOf<K>,
  ): Promise<ReadAnswers[K]> {
    const interrupt = new Interrupt()
    const give = (): void => interrupt.give()
    if (signal.aborted) give()
    signal.addEventListener('abort', give)
    try {
      return await this.#ask(pool, task(interrupt.buffer))
    } finally {
      signal.removeEventListener('abort', give)
    }
  }

  /**
   * The selected rows as a stream of text. Destroying the stream ends the reading.
   * @throws Fault on the stream
   */
  export(name: string, request: ExportRequest): Readable {
    const interrupt = new Interrupt()
    const stream = this.#download((port) => ({ kind: 'export', name, request, port, interrupt: interrupt.buffer }))
    // While rows are put in order the thread hears nothing.
    stream.once('close', () => interrupt.give())
    return stream
  }

  /** Why rows of an import were rejected, most frequent reason first. */
  rejectReasons(importNumber: number): Promise<RejectReason[]> {
    return this.#ask(this.#queries, { kind: 'reasons', importNumber })
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
      (error: unknown) => stream.destroy(this.#explain(error)),
    )
    return stream
  }

  /** @throws Fault TABLE_NOT_FOUND, RESTORE_RUNNING, SQLITE_BUSY */
  async drop(table: string): Promise<void> {
    await this.#write({ kind: 'drop', table })
    this.#onDataChanged({ reason: 'table', table })
  }

  /** @param to a name that has passed checkTableName; @throws Fault TABLE_NOT_FOUND, TABLE_EXISTS, RESTORE_RUNNING, SQLITE_BUSY */
  async rename(table: string, to: string): Promise<void> {
    await this.#write({ kind: 'rename', table, to })
    this.#onDataChanged({ reason: 'table' })
  }

  /** Take an import into a table back. @throws Fault NOT_UNDOABLE, RESTORE_RUNNING, SQLITE_BUSY */
  async undo(importNumber: number, table: string): Promise<void> {
    await this.#write({ kind: 'undo', importNumber })
    this.#onDataChanged({ reason: 'undo', table })
  }

  /**
   * Build an index over a column, if there is none, when nobody else is writing.
   * @throws Fault TABLE_NOT_FOUND, BAD_QUERY, RESTORE_RUNNING, INTERRUPTED, SQLITE_BUSY, SQLITE_FULL
   */
  buildIndex(table: string, column: string): Promise<void> {
    return this.#indexBuilds.build(table, column)
  }

  /** @throws Fault TABLE_NOT_FOUND, BAD_QUERY, SQLITE_BUSY */
  dropIndex(table: string, column: string): Promise<void> {
    return this.#write({ kind: 'drop-index', table, column })
  }

  /** Take back what an import has left whose thread died. @throws Fault */
  async clearUp(importNumber: number): Promise<void> {
    await this.#write({ kind: 'clear-up', importNumber })
  }

  async #write(task: WriteTask): Promise<void> {
    this.#checkWritable()
    const release = await this.#turns.take()
    try {
      const fault = await this.#writes.run(task).catch((error: unknown) => {
        throw this.#explain(error)
      })
      if (fault) throw Fault.fromMessage(fault)
    } finally {
      release()
    }
  }

  /** Why a thread gave no result: where the server stops, its threads are ended in the middle of their work. */
  #explain(error: unknown): Fault {
    return this.#isClosing ? new Fault('INTERRUPTED', 'The server stopped during this. What was to change is changed wholly, or not at all.', { cause: error }) : Fault.from(error)
  }

  /** @throws Fault RESTORE_RUNNING, SQLITE_CANTOPEN */
  #checkWritable(): void {
    this.#gate.check()
    this.#file.check()
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#indexBuilds.close()
    await Promise.all([this.#queries.destroy(), this.#scans.destroy(), this.#previews.destroy(), this.#downloads.destroy(), this.#writes.destroy()])
  }
}

/** What a count depends on; undefined where that cannot be told. */
function countKey(name: string, version: string | null, { search, filters }: RowSelection): string | undefined {
  return version === null ? undefined : JSON.stringify([name.toLowerCase(), version, search, filters])
}
