/** Another program with the database open: takes the write lock in the middle of an import and keeps it until told to let go. */
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'

const [path, rows] = process.argv.slice(2)
const db = new Database(path, { timeout: 0 })
const stagingTables = db.prepare<[], string>('SELECT name FROM sqlite_schema WHERE type = \'table\' AND name GLOB \'_hextrackr_staging_*\'').pluck()

/** Rows that the running import has written so far. */
const stagedRows = (): number =>
  Math.max(0, ...stagingTables.all().map((name) => db.prepare<[], number>(`SELECT coalesce(max(rowid), 0) FROM "${name}"`).pluck().get()!))

/** @returns how far the import is; undefined where the lock is not held, since the import is not as far as was asked for */
function tryToHold(): number | undefined {
  try {
    db.exec('BEGIN IMMEDIATE')
  } catch {
    return undefined
  }
  const staged = stagedRows()
  if (staged >= Number(rows)) return staged
  db.exec('ROLLBACK')
  return undefined
}

process.on('message', () => {
  db.exec('ROLLBACK')
  process.send!('released')
})
let held: number | undefined
while ((held = tryToHold()) === undefined) await sleep(1)
process.send!(held)
