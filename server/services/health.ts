import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import type { FailureInfo, HealthProblem } from '../protocol.ts'
import type { DatabaseFile } from './database-file.ts'
import { freeBytes } from './disk-space.ts'

export interface HealthSources {
  databasePath: string
  file: DatabaseFile
  dataDir: string
  /** Less free space than this is a problem, bytes. */
  minFreeBytes: number
  /** Why the newest backup failed; undefined where it did not. */
  lastBackupFailure: () => FailureInfo | undefined
}

/** What is wrong although the server answers. Looks only: a probe that writes would wait for, and hold up, those who do. */
export async function findHealthProblems({ databasePath, file, dataDir, minFreeBytes, lastBackupFailure }: HealthSources): Promise<HealthProblem[]> {
  const can = (path: string, mode: number) => access(path, mode).then(() => true, () => false)
  const problems: HealthProblem[] = []
  // At once: each of them waits behind what uploads write.
  const [canWriteDatabase, canWriteFolder, free] = await Promise.all([can(databasePath, constants.W_OK), can(dataDir, constants.W_OK), freeBytes(dataDir)])
  if (file.problem) problems.push(file.problem)
  else if (!canWriteDatabase || !canWriteFolder) {
    problems.push({ code: 'DATABASE_READONLY', detail: 'The database or its folder cannot be written.' })
  }
  if (free < minFreeBytes) problems.push({ code: 'DISK_LOW', detail: `${free.toLocaleString('en')} bytes are free on the disk of the data folder.` })
  const failure = lastBackupFailure()
  if (failure) problems.push({ code: 'BACKUP_FAILED', detail: `The newest backup failed: ${failure.detail}` })
  return problems
}
