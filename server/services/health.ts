import { accessSync, constants, statfsSync } from 'node:fs'
import type { FailureInfo, HealthProblem } from '../protocol.ts'
import type { DatabaseFile } from './database-file.ts'

export interface HealthSources {
  databasePath: string
  file: DatabaseFile
  dataDir: string
  /** Less free space than this is a problem, bytes. */
  minFreeBytes: number
  /** Why the newest backup failed; undefined where it did not. */
  lastBackupFailure: () => FailureInfo | undefined
}

/**
 * What is wrong although the server answers. Looks only: a probe that writes would wait for, and hold up, those who do. It looks
 * on the main thread, which takes microseconds; in the pool it would wait behind the files that are written there.
 */
export function findHealthProblems({ databasePath, file, dataDir, minFreeBytes, lastBackupFailure }: HealthSources): HealthProblem[] {
  const problems: HealthProblem[] = []
  if (file.problem) problems.push(file.problem)
  else if (!canWrite(databasePath) || !canWrite(dataDir)) {
    problems.push({ code: 'DATABASE_READONLY', detail: 'The database or its folder cannot be written.' })
  }
  const { bavail, bsize } = statfsSync(dataDir)
  const free = bavail * bsize
  if (free < minFreeBytes) problems.push({ code: 'DISK_LOW', detail: `${free.toLocaleString('en')} bytes are free on the disk of the data folder.` })
  const failure = lastBackupFailure()
  if (failure) problems.push({ code: 'BACKUP_FAILED', detail: `The newest backup failed: ${failure.detail}` })
  return problems
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
