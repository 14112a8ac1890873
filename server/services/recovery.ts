/** What can be done about a database that is damaged: nothing is written to it, and a backup can take its place. */
import { copyFile, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Db } from '../db/open.ts'
import { knownBackups, type KnownBackup } from '../db/operations-store.ts'
import { Fault } from '../faults.ts'
import { timeStamp, type BackupFolder } from './backup-folder.ts'

/** What SQLite keeps beside a database in write-ahead logging. */
const COMPANIONS = ['', '-wal', '-shm'] as const

/** The newest backup that has passed its check and has not changed since. */
export async function newestVerified(folder: BackupFolder, operationsDb: Db): Promise<KnownBackup | undefined> {
  const known = knownBackups(operationsDb)
  const files = await folder.list()
  return files.flatMap(({ name, bytes, modifiedMs }) => {
    const backup = known.get(name)
    return backup?.verified && backup.bytes === bytes && backup.modifiedMs === modifiedMs ? [backup] : []
  }).sort((a, b) => b.createdAt - a.createdAt)[0]
}

/** What to say where the database cannot be opened because it is damaged; anything else that was thrown is returned as it is. */
export async function explainDamage(thrown: unknown, folder: BackupFolder, operationsDb: Db): Promise<unknown> {
  const { code } = Fault.from(thrown)
  if (code !== 'SQLITE_CORRUPT' && code !== 'SQLITE_NOTADB') return thrown
  const damage = `The database is damaged (${(thrown as Error).message}) and was left as it is`
  const backup = await newestVerified(folder, operationsDb)
  const way = backup
    ? `the newest verified backup is ${backup.name}, of ${new Date(backup.createdAt).toISOString()}, and "npm run recover" puts it in its place`
    : 'there is no verified backup in its folder "backups"'
  return new Fault('DATABASE_DAMAGED', `${damage}; ${way}.`, { cause: thrown })
}

/**
 * Put a copy of a backup in the place of the database, whose files are kept aside. No server may run.
 * @returns the name under which the old file is kept; undefined where there was none
 * @throws Fault DATABASE_DAMAGED where the backup does not pass its check; nothing has changed then
 */
export async function recoverDatabase(databasePath: string, folder: BackupFolder, name: string): Promise<string | undefined> {
  const copy = `${databasePath}.recover`
  try {
    await copyFile(join(folder.path, name), copy)
    checkWhole(copy)
    const file = await open(copy, 'r+')
    await file.sync()
    await file.close()
    const aside = `${databasePath}.damaged-${timeStamp(new Date())}`
    let kept: string | undefined
    for (const companion of COMPANIONS) {
      if (!await stat(databasePath + companion).catch(() => undefined)) continue
      await rename(databasePath + companion, aside + companion)
      kept ??= aside
    }
    await rename(copy, databasePath)
    return kept
  } finally {
    await rm(copy, { force: true })
  }
}

function checkWhole(path: string): void {
  const db = new Database(path, { readonly: true, fileMustExist: true })
  try {
    const found = db.pragma('integrity_check(1)', { simple: true })
    if (found !== 'ok') throw new Fault('DATABASE_DAMAGED', `That backup is damaged: ${String(found)}.`)
  } finally {
    db.close()
  }
}
