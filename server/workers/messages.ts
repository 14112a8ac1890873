import type { ColumnChoice, Dialect, ImportMode, ImportPhase, Receipt } from '../protocol.ts'
import type { FaultMessage } from '../faults.ts'

/** What a person may decide about an import; all of it is detected where it is absent. */
export interface ImportOptions {
  table?: string
  mode: ImportMode
  /** Columns that tell one row from another, for upsert. */
  key: string[]
  /** Whether columns that the table does not have are added to it. */
  addColumns: boolean
  dialect: Partial<Dialect>
  /** By the file's column names. */
  columns: Record<string, ColumnChoice>
  onRowError: 'reject' | 'abort'
}

/** All that an import's thread needs to know. */
export interface ImportPlan {
  sessionId: string
  /** The number people know the import by. */
  number: number
  databasePath: string
  /** The staged upload. */
  filePath: string
  /** Where it still arrives: how much of it is there. See Arrival. */
  arrival?: SharedArrayBuffer
  /** Whether a thread of its own reads the file while this one writes. */
  readsBeside: boolean
  /** Where the thread may put rows on their way into the database. It removes that file itself, if it does not die. */
  imagePath: string
  /** Name of the table that its rows go to. */
  table: string
  options: ImportOptions
  /** Session of the import that this one begins anew. */
  resumes: string | undefined
  startedAt: number
  busyTimeoutMs: number
  maxRowLength: number
  /** How much the undo data of all imports may take together. */
  maxUndoBytes: number
  /** One Int32, see Control. */
  control: SharedArrayBuffer
}

/** What an import's thread asks for before it finishes: what is known of the file when it has arrived whole, an ArrivedFile. */
export type ImportQuestion = 'file'

/** What is known of a file that has arrived whole. */
export interface ArrivedFile {
  bytes: number
  /** Of the bytes, lower-case hex. */
  sha256: string
  /** Of its first MiB. */
  headSha256: string
}

/** How far an import has come, in the units of its phase. */
export interface ImportProgress {
  phase: Exclude<ImportPhase, 'upload'>
  /** Of the phase, 0 to 1; absent where the bytes tell it. */
  fraction?: number
  bytesDone: number
  rowsDone: number
  rowsRejected: number
}

/** What the main thread says to a thread that works for it. */
export type ToThread =
  /** The thread may write now, until it answers with `end-turn`. One Int32 is shared, which turns 1 when somebody else waits for the turn. */
  | { kind: 'turn', wanted: SharedArrayBuffer }
  /** The same to a thread that is not writing just now. */
  | { kind: 'turn-wanted' }
  | { kind: 'answer', id: number, value?: unknown, fault?: FaultMessage }

/** What a thread says to the main thread; the last of it is `completed` or `failed`. */
export type FromThread<Progress, Result, Question = never> =
  | { kind: 'want-turn' }
  | { kind: 'end-turn' }
  | { kind: 'progress', progress: Progress }
  /** Something only the main thread can do; it says `answer` when it is done. */
  | { kind: 'ask', id: number, question: Question }
  | { kind: 'completed', result: Result }
  | { kind: 'failed', fault: FaultMessage }

/** How an import ended well. */
export interface ImportResult {
  receipt: Receipt
  message: string
}
