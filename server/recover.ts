/**
 * `npm run recover [-- NAME]`: puts the newest verified backup, or the one that is named, in the place of the database, whose
 * files are kept aside. For a database that is so damaged that the server does not start.
 */
import { basename, join } from 'node:path'
import { readConfig } from './config.ts'
import { openOperations } from './db/operations-store.ts'
import { BackupFolder } from './services/backup-folder.ts'
import { newestVerified, recoverDatabase } from './services/recovery.ts'

const { dataDir, busyTimeoutMs } = readConfig(process.env)
const folder = new BackupFolder(join(dataDir, 'backups'))
const operationsDb = openOperations(join(dataDir, 'operations.db'), busyTimeoutMs)
try {
  await folder.open()
  const name = process.argv[2] ?? (await newestVerified(folder, operationsDb))?.name
  if (name === undefined) throw new Error('There is no verified backup. Name one: npm run recover -- NAME')
  // The listing says that it is there, or why not; no name leads out of the folder.
  await folder.find(name)
  const kept = await recoverDatabase(join(dataDir, 'hextrackr.db'), folder, name)
  console.log(`The database is now what ${name} holds.${kept === undefined ? '' : ` What was there is kept as ${basename(kept)}.`}`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  operationsDb.close()
}
