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
  /** Hash a file in yet another thread; its progress counts for the rest of the phase. Answered with lower-case hex. */
  | { kind: 'hash', path: string, phase: BackupPhase | RestorePhase, fromFraction: number }
  /** Give a checked copy its name. Answered with its BackupInfo. */
  | { kind: 'keep', copy: CheckedCopy, restored?: { tables: number, rows: number, notices: string[] } }
  /** Another content is there now: what was open must be opened anew. */
  | { kind: 'swapped' }

export interface CopyResult {
  message: string
  metadata: Record<string, unknown>
}
