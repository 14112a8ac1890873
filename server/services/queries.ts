import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Fault, type FaultMessage } from '../faults.ts'
import type { QueryResult } from '../protocol.ts'
import type { ExportStyle } from '../workers/export-format.ts'
import type { QueryTask } from '../workers/query-process.ts'

const PROCESS = fileURLToPath(new URL('../workers/query-process.ts', import.meta.url))

/** Queries, and exports of queries, that run at once: each keeps a core busy. More are refused. */
const MAX_RUNNING = 2

/** Heap of a query's process, MiB: it holds a page of rows; what SQLite takes is outside of it. */
const MAX_HEAP_MIB = 128

/** How much of what a process says of its own end is kept for the log, in characters. */
const MAX_LAST_WORDS = 4000

/** What ends a process from outside, or its own guard or V8 for want of memory. */
const MEMORY_SIGNALS: readonly (NodeJS.Signals | null)[] = ['SIGKILL', 'SIGABRT']

export interface QueryLimits {
  timeoutMs: number
  maxMemoryBytes: number
}

/** Queries that people type. Each has a process of its own, which ends with it, so nothing it does can stay or spread. */
export class Queries {
  readonly #databasePath: string
  readonly #limits: QueryLimits
  readonly #closing = new AbortController()
  #pages = 0
  #exports = 0

  constructor(databasePath: string, limits: QueryLimits) {
    this.#databasePath = databasePath
    this.#limits = limits
  }

  /**
   * The first rows that a statement gives.
   * @param signal aborted where nobody wants the answer any more
   * @throws Fault BAD_SQL, READ_ONLY, QUERY_TIMEOUT, QUERY_TOO_LARGE, TOO_MANY_QUERIES
   */
  async page(sql: string, limit: number, signal: AbortSignal): Promise<QueryResult> {
    if (this.#pages >= MAX_RUNNING) throw tooMany()
    this.#pages++
    try {
      return JSON.parse(await text(this.#run({ sql, output: { kind: 'page', limit } }, signal))) as QueryResult
    } finally {
      this.#pages--
    }
  }

  /**
   * All rows that a statement gives, as a stream of text. The time limit counts only while the text is waited for.
   * @throws Fault TOO_MANY_QUERIES; the others on the stream
   */
  export(sql: string, style: ExportStyle, signal: AbortSignal): Readable {
    if (this.#exports >= MAX_RUNNING) throw tooMany()
    this.#exports++
    return Readable.from(this.#run({ sql, output: { kind: 'export', style } }, signal), { objectMode: false, encoding: 'utf8' })
      .once('close', () => this.#exports--)
  }

  async* #run(task: Pick<QueryTask, 'sql' | 'output'>, wanted: AbortSignal): AsyncGenerator<Buffer> {
    const { timeoutMs, maxMemoryBytes } = this.#limits
    const signal = AbortSignal.any([wanted, this.#closing.signal])
    if (signal.aborted) throw new Fault('CANCELLED', 'The query was cancelled.')
    const child = fork(PROCESS, { execArgv: [`--max-old-space-size=${MAX_HEAP_MIB}`], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    let fault: Fault | undefined
    const end = (why: Fault): void => {
      fault ??= why
      child.kill('SIGKILL')
    }
    const cancel = (): void => end(new Fault('CANCELLED', 'The query was cancelled.'))
    signal.addEventListener('abort', cancel, { once: true })
    child.on('message', (message) => (fault ??= Fault.fromMessage(message as FaultMessage)))
    const ended = outcomeOf(child)
    try {
      child.send({ ...task, databasePath: this.#databasePath, guard: { maxMemoryBytes, serverId: process.pid } } satisfies QueryTask, () => undefined)
      const pieces = child.stdout![Symbol.asyncIterator]() as AsyncIterator<Buffer>
      for (;;) {
        const timer = setTimeout(() => end(new Fault('QUERY_TIMEOUT', `It was stopped after ${timeoutMs / 1000} s. Narrow it with WHERE, or count and group less.`)), timeoutMs)
        const piece = await pieces.next().finally(() => clearTimeout(timer))
        if (piece.done === true) break
        yield piece.value
      }
      const failure = await ended
      fault ??= failure
      if (fault) throw fault
    } finally {
      signal.removeEventListener('abort', cancel)
      child.kill('SIGKILL')
      await ended
    }
  }

  /** End every query. */
  close(): void {
    this.#closing.abort()
  }
}

const tooMany = (): Fault => new Fault('TOO_MANY_QUERIES', `${MAX_RUNNING} queries are running already. Try again when one of them is done.`)

/** Wait until a process has ended and all it sent has arrived. @returns what was wrong with its end, if anything */
async function outcomeOf(child: ChildProcess): Promise<Fault | undefined> {
  let lastWords = ''
  child.stderr!.setEncoding('utf8').on('data', (words: string) => (lastWords = (lastWords + words).slice(-MAX_LAST_WORDS)))
  const hasDisconnected = new Promise((resolve) => child.once('disconnect', resolve))
  try {
    await once(child, 'close')
  } catch (cause) {
    return new Fault('INTERNAL', 'The query could not be started.', { cause })
  }
  await hasDisconnected
  if (child.exitCode === 0) return undefined
  if (MEMORY_SIGNALS.includes(child.signalCode)) return new Fault('QUERY_TOO_LARGE', 'It needed more memory than a query may take here. Sort, group or join fewer rows.')
  return new Fault('INTERNAL', 'The query stopped without a word.', { cause: new Error(`query process ended with ${child.signalCode ?? child.exitCode}\n${lastWords}`) })
}
