import type { Contents } from '../db/inspect.ts'
import type { FaultMessage } from '../faults.ts'
import type { BackupPhase, RestorePhase } from '../protocol.ts'

interface BasePlan {
  databasePath: string
  busyTimeoutMs: number
  /** One Int32, see Control. */
  control: SharedArrayBuffer
}

/** A copy of the live database is to be made. */
export interface BackupPlan extends BasePlan {
  kind: 'backup'
  /** Where the copy is written, until it has its name. */
  partialPath: string
}

/** A file that somebody sent is to become a backup, as it is. */
export interface AdoptPlan extends BasePlan {
  kind: 'adopt'
  partialPath: string
}

/** The live database's content is to be replaced. */
export interface RestorePlan extends BasePlan {
  kind: 'restore'
  sessionId: string
  /** The backup's name, or that of a file that was sent. */
  name: string
  /** A backup, which is only read; absent where `workPath` is there already. */
  backupPath?: string
  /** The SHA-256 that the backup had when it passed its check, if it did. */
  verifiedSha256?: string
  /** What is going to be the new content: a file that nobody else knows. */
  workPath: string
  /** For a second one, where pages have to be made another size. */
  resizedPath: string
  /** Where the safety copy is written, until it has its name. */
  safetyPath: string
}

export type CopyPlan = BackupPlan | AdoptPlan | RestorePlan

export interface CopyProgress {
  phase: BackupPhase | RestorePhase
  /** Of the phase, 0 to 1. */
  fraction: number
  pages?: { pagesDone: number, pagesTotal: number, pageBytes: number }
}

/** What was found out about a copy that has been written. */
export interface CheckedCopy {
  path: string
  sha256: string
  tables: number
  rows: number
  /** Why it did not pass the check; only where a copy is worth keeping all the same. */
  damage?: string
  notices: string[]
}

/** What a copying thread has the main thread do. */
export type CopyQuestion =
  /** Give a checked copy its name. Answered with its BackupInfo. */
  | { kind: 'keep', copy: CheckedCopy, restored?: { tables: number, rows: number, notices: string[] } }
  /** Another content is there now: what was open must be opened anew. */
  | { kind: 'swapped' }

export interface CopyResult {
  message: string
  metadata: Record<string, unknown>
}

/** Copy the live database, as it is at this moment, into a new file. */
export interface CopyLiveTask {
  kind: 'copy-live'
  databasePath: string
  path: string
  busyTimeoutMs: number
}

/** Copy a file that somebody wants to restore into a new one. */
export interface CopyFileTask {
  kind: 'copy-file'
  from: string
  path: string
  busyTimeoutMs: number
  /** Whether the copy is going to be checked, unless it turns out to be verified. */
  willBeChecked: boolean
}

/** Check a file that nobody else knows and count its rows. */
export interface CheckTask {
  kind: 'check'
  path: string
  busyTimeoutMs: number
  /** Whether it has the very bytes of a file that has passed its check, so that it would pass it too. */
  isVerified: boolean
  /** Whether its SHA-256 is wanted. */
  mustHash: boolean
  /** Whether it has to be on the disk in the end, even if the power fails next. */
  mustSync: boolean
  /** Whether one that does not pass the check is worth keeping, with what is wrong with it. */
  mayBeDamaged: boolean
}

/** Check the live database. */
export interface CheckLiveTask {
  kind: 'check-live'
  databasePath: string
  busyTimeoutMs: number
}

/** What a thread has its copy process do, one after the other. */
export type CopyTask = CopyLiveTask | CopyFileTask | CheckTask | CheckLiveTask

/** A file that was copied. */
export interface CopiedFile {
  /** Of the copy, where that was known at once. */
  sha256?: string
}

/** What was found in a file. */
export interface CheckedFile extends Contents {
  /** Where it was wanted. */
  sha256?: string
  /** Why it did not pass the check; there are no contents then. */
  damage?: string
}

/** What a copy process says; the last of each task is `done` or `failed`. */
export type FromCopyProcess =
  | { kind: 'progress', progress: Omit<CopyProgress, 'phase'> }
  | { kind: 'done', answer: CopiedFile | CheckedFile | null }
  | { kind: 'failed', fault: FaultMessage }
