/**
 * The usual way to import CSV with npm packages: csv-parse as a stream, better-sqlite3, one row per `run()`, many rows per
 * transaction, all columns TEXT.
 * usage: node csv-parse-rows.ts FILE DATABASE [KEY COLUMN, to insert or update by]
 */
import { createReadStream } from 'node:fs'
import Database from 'better-sqlite3'
import { parse } from 'csv-parse'
import { quoteIdentifier } from '../../server/db/identifiers.ts'

const ROWS_PER_TRANSACTION = 5000

const [path, databasePath, key] = process.argv.slice(2) as [string, string, string?]
const db = new Database(databasePath)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = NORMAL')

const rows = createReadStream(path).pipe(parse({ bom: true }))[Symbol.asyncIterator]() as AsyncIterator<string[]>
const header = (await rows.next()).value as string[]
const names = header.map(quoteIdentifier)
db.exec(`CREATE TABLE IF NOT EXISTS t (${names.map((name) => `${name} TEXT`).join(', ')})`)
const update = key === undefined ? '' : ` ON CONFLICT (${quoteIdentifier(key)}) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`
const insert = db.prepare<string[]>(`INSERT INTO t VALUES (${names.map(() => '?').join(', ')})${update}`)
let count = 0
db.exec('BEGIN')
for (let next = await rows.next(); next.done !== true; next = await rows.next()) {
  insert.run(...next.value)
  if (++count % ROWS_PER_TRANSACTION === 0) db.exec('COMMIT; BEGIN')
}
db.exec('COMMIT')
db.close()
console.log(JSON.stringify({ rows: count }))
