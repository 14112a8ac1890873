/**
 * Process of one query that somebody typed, and of nothing else. A statement may work for hours inside SQLite, where no
 * message and no signal handler reaches it: only the end of its process ends it.
 *
 *   server  ── task (IPC) ──>  this process ── starts ──> query-guard.ts, a thread that watches its memory and the server
 *           <── text ────────  on standard output, no faster than it is read
 *           <── fault (IPC) ─  where it fails
 *           ── SIGKILL ─────>  when its time is up, or nobody wants the answer any more
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { openForQueries, SqlQuery } from '../db/sql-query.ts'
import { toCell } from '../db/table-query.ts'
import { Fault, type FaultMessage } from '../faults.ts'
import { rowWriter, type ExportStyle } from './export-format.ts'
import { namedColumns, queryPage } from './query-page.ts'

export interface QueryTask {
  databasePath: string
  sql: string
  /** A page of rows as JSON (QueryResult), or all rows as an export. */
  output: { kind: 'page', limit: number } | { kind: 'export', style: ExportStyle }
  guard: GuardTask
}

/** What the guard has to know. */
export interface GuardTask {
  maxMemoryBytes: number
  /** The process that asks. Told by it, since a process whose parent has ended is given another one. */
  serverId: number
}

/** Size of a piece of text, in characters. */
const PIECE_LENGTH = 256 * 2 ** 10

process.once('message', (task: QueryTask) => void answer(task))

async function answer(task: QueryTask): Promise<void> {
  const guard = new Worker(new URL('query-guard.ts', import.meta.url), { workerData: task.guard })
  // Nothing of the statement runs unwatched. Until then the guard is all that keeps this process going.
  await once(guard, 'message')
  guard.unref()
  try {
    await write(task)
  } catch (error) {
    const message: FaultMessage = Fault.from(error).toMessage()
    await new Promise((resolve) => process.send!(message, resolve))
  }
  process.disconnect()
}

async function write({ databasePath, sql, output }: QueryTask): Promise<void> {
  const query = new SqlQuery(openForQueries(databasePath), sql)
  const pieces = output.kind === 'page' ? [JSON.stringify(queryPage(query, output.limit))] : exportText(query, output.style)
  let text = ''
  for (const piece of pieces) {
    text += piece
    if (text.length < PIECE_LENGTH) continue
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
    text = ''
  }
  if (text !== '') process.stdout.write(text)
}

function* exportText(query: SqlQuery, style: ExportStyle): Generator<string> {
  const writer = rowWriter(style, namedColumns(query))
  yield writer.head
  let index = 0
  for (const row of query.rows()) yield writer.row(row.map(toCell), index++)
  yield writer.tail
}
