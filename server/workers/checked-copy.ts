import { closeSync, fsyncSync, openSync } from 'node:fs'
import type { Contents } from '../db/inspect.ts'
import type { CheckedCopy, CheckTask, CopiedFile, CopyProgress, CopyQuestion } from './backup-messages.ts'
import type { Control } from './control.ts'
import type { CopyHelper } from './copy-helper.ts'

/** What a copying thread works with. */
export interface CopyTools {
  control: Control
  helper: CopyHelper
  busyTimeoutMs: number
  report: (progress: CopyProgress) => void
  ask: (question: CopyQuestion) => Promise<unknown>
}

/** Part of a phase: which share of it something takes. */
export interface Span {
  phase: CopyProgress['phase']
  from: number
  to: number
}

/** Reports what something is at as progress of a span. */
export const reportWithin = ({ report }: Pick<CopyTools, 'report'>, { phase, from, to }: Span) =>
  ({ fraction, ...more }: Omit<CopyProgress, 'phase'>): void => report({ phase, fraction: from + (to - from) * fraction, ...more })

/** Copy the live database, as it is at this moment, into a new file that needs no other one beside it. */
export function copyLive(databasePath: string, path: string, tools: CopyTools, span: Span): Promise<CopiedFile> {
  const { helper, busyTimeoutMs } = tools
  return helper.perform({ kind: 'copy-live', databasePath, path, busyTimeoutMs }, reportWithin(tools, span))
}

/** Have a file's bytes on the disk, even if the power fails next. */
export function syncFile(path: string): void {
  const file = openSync(path, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

export const totalRows = (tables: Contents['tables']): number => tables.reduce((sum, { rows }) => sum + rows, 0)

/**
 * Check a copy and have it on the disk.
 * @param copied what is known of it already
 * @param mayBeDamaged whether a copy that does not pass the check is worth keeping, with what is wrong with it
 * @throws Fault DATABASE_DAMAGED, NOT_A_DATABASE
 */
export async function checkCopy(path: string, copied: CopiedFile, tools: CopyTools, span: Span, mayBeDamaged = false): Promise<CheckedCopy> {
  const { helper, busyTimeoutMs } = tools
  const report = reportWithin(tools, span)
  report({ fraction: 0 })
  const task: CheckTask = { kind: 'check', path, busyTimeoutMs, isVerified: false, mustHash: copied.sha256 === undefined, mustSync: true, mayBeDamaged }
  const { tables, sha256 = copied.sha256!, ...found } = await helper.perform(task, report)
  return { path, sha256, ...found, tables: tables.length, rows: totalRows(tables) }
}
