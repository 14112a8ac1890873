/** Thread of the pool that reads tables, so that no query, however long, holds up the event loop. */
import { workerData, type MessagePort } from 'node:worker_threads'
import { writeRejects } from '../csv/rejects.ts'
import { describeNamed, listTables, resolveTable } from '../db/catalogue.ts'
import { summarizeColumn } from '../db/column-summary.ts'
import { pinSnapshot } from '../db/copy-pages.ts'
import { getImport, iterateRejects, rejectReasons } from '../db/imports-store.ts'
import { Interrupt, registerInterrupt } from '../db/interrupt.ts'
import { openReader, type Db } from '../db/open.ts'
import { countRows, iterateRows, selectRows, tableVersion, type PageRequest, type RowSelection, type VersionedCount, type VersionedPage } from '../db/table-query.ts'
import { Fault, type FaultMessage } from '../faults.ts'
import type { ColumnSummary, ImportPreview, RejectReason, TableInfo } from '../protocol.ts'
import { rowWriter, type ExportStyle } from './export-format.ts'
import type { PreviewRequest } from './preview.ts'

export type ReadTask =
  | { kind: 'tables' }
  | { kind: 'table', name: string }
  | { kind: 'version', name: string }
  | { kind: 'rows', name: string, request: PageRequest, interrupt: SharedArrayBuffer }
  | { kind: 'count', name: string, selection: RowSelection, interrupt: SharedArrayBuffer }
  | { kind: 'summary', name: string, column: string, selection: RowSelection, interrupt: SharedArrayBuffer }
  | { kind: 'preview', request: PreviewRequest }
  | { kind: 'reasons', importNumber: number }
  | { kind: 'rejects', sessionId: string, port: MessagePort }
  | { kind: 'export', name: string, request: ExportRequest, port: MessagePort, interrupt: SharedArrayBuffer }

/** Which rows and columns of a table are written, and how. */
export interface ExportRequest {
  selection: RowSelection
  /** Names of the columns; all where absent. */
  columns?: string[]
  style: ExportStyle
}

/** What each kind of task answers. */
export interface ReadAnswers {
  tables: TableInfo[]
  table: TableInfo
  version: string | null
  rows: VersionedPage
  count: VersionedCount
  summary: ColumnSummary
  preview: ImportPreview
  reasons: RejectReason[]
  rejects: null
  export: null
}

/** Classes do not survive the thread border, so a failure is an answer. */
export type ReadResult<K extends ReadTask['kind'] = ReadTask['kind']> = { value: ReadAnswers[K] } | { fault: FaultMessage }

/** Size of a piece of a download, in characters. */
const PIECE_LENGTH = 256 * 2 ** 10

const { databasePath, generation } = workerData as { databasePath: string, generation: SharedArrayBuffer }
const currentGeneration = new Int32Array(generation)
/** Of the query that runs on the shared connection. */
let current: Interrupt | undefined
let reader: { db: Db, generation: number } | undefined

/** The thread's connection, opened anew where a restore has replaced the content: it may be in another encoding of text. */
function readingDb(): Db {
  const now = Atomics.load(currentGeneration, 0)
  if (reader?.generation !== now) {
    reader?.db.close()
    reader = { db: openInterruptible(() => current), generation: now }
  }
  return reader.db
}

export default async function answer(task: ReadTask): Promise<ReadResult> {
  try {
    return { value: await read(task) }
  } catch (error) {
    return { fault: Fault.from(error).toMessage() }
  }
}

async function read(task: ReadTask): Promise<ReadAnswers[ReadTask['kind']]> {
  if (task.kind === 'export' || task.kind === 'rejects') return sendText(task)
  const db = readingDb()
  current = 'interrupt' in task ? new Interrupt(task.interrupt) : undefined
  current?.throwIfGiven()
  switch (task.kind) {
    case 'tables': return listTables(db)
    case 'table': return describeNamed(db, task.name)
    case 'version': return tableVersion(db, resolveTable(db, task.name))
    case 'rows': return selectRows(db, task.name, task.request)
    case 'count': return countRows(db, task.name, task.selection)
    case 'summary': return summarizeColumn(db, task.name, task.column, task.selection)
    case 'reasons': return rejectReasons(db, task.importNumber)
    // Needs all that reads files, of which nothing else here does.
    case 'preview': return (await import('./preview.ts')).previewImport(db, task.request)
  }
}

function openInterruptible(interrupt: () => Interrupt | undefined): Db {
  const db = openReader(databasePath)
  registerInterrupt(db, interrupt)
  return db
}

/**
 * Send text piece by piece and null after the last, each piece only when it has been asked for, so that a slow
 * client costs no memory. The other side closes the port to stop.
 */
async function sendText(task: ReadTask & { kind: 'export' | 'rejects' }): Promise<null> {
  const { port } = task
  // An iteration keeps its connection busy, so it has one of its own.
  const interrupt = 'interrupt' in task ? new Interrupt(task.interrupt) : undefined
  const db = openInterruptible(() => interrupt)
  try {
    // What is said of the columns is true of the rows, too.
    pinSnapshot(db)
    const asked = demand(port)
    let text = ''
    const send = async (): Promise<boolean> => {
      const isWanted = await asked()
      if (isWanted) port.postMessage(text)
      text = ''
      return isWanted
    }
    for (const piece of task.kind === 'export' ? exportText(db, task) : rejectsText(db, task.sessionId)) {
      text += piece
      if (text.length >= PIECE_LENGTH && !await send()) return null
    }
    if (text === '' || await send()) port.postMessage(null)
    return null
  } finally {
    db.close()
    port.close()
  }
}

function* exportText(db: Db, { name, request }: ReadTask & { kind: 'export' }): Iterable<string> {
  const { columns, rows } = iterateRows(db, name, request.selection, request.columns)
  const writer = rowWriter(request.style, columns)
  yield writer.head
  let index = 0
  for (const cells of rows) yield writer.row(cells, index++)
  yield writer.tail
}

function rejectsText(db: Db, sessionId: string): Iterable<string> {
  const record = getImport(db, sessionId)
  if (!record) throw new Fault('SESSION_NOT_FOUND', 'There is no import with that id.')
  const { header, dialect } = record
  if (!header || !dialect) throw new Fault('NO_REJECTS', 'Nothing of that import was kept, so it has no rejected rows.')
  return writeRejects(header, dialect, iterateRejects(db, record.number))
}

/** @returns a function that waits for the next request for a piece; false where there will be none */
function demand(port: MessagePort): () => Promise<boolean> {
  let credits = 0
  let isClosed = false
  let wake: () => void = () => undefined
  port.on('message', () => {
    credits++
    wake()
  })
  port.on('close', () => {
    isClosed = true
    wake()
  })
  return async () => {
    while (credits === 0 && !isClosed) await new Promise<void>((resolve) => (wake = resolve))
    credits--
    return !isClosed
  }
}
