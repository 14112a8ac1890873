import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import type { ColumnInfo, ColumnType } from '../protocol.ts'
import { stagingTable } from './catalogue.ts'
import { quoteIdentifier } from './identifiers.ts'
import { checkKept, mergeSchema, mergeStaged, type MergeRequest } from './merge.ts'
import { migrate } from './migrations.ts'
import { registerNumberText } from './number-text.ts'
import type { Db } from './open.ts'

const STAGING = stagingTable(1)

function database(t: { after: (cleanUp: () => void) => void }, verbose?: (sql: unknown) => void): Db {
  const db = new Database(':memory:', verbose && { verbose })
  t.after(() => db.close())
  migrate(db)
  registerNumberText(db)
  return db
}

/** What an import of these rows into the table `data` asks for; the first column is its key. */
function staged(db: Db, columns: Record<string, ColumnType>, rows: readonly unknown[][] = []): MergeRequest {
  const named: ColumnInfo[] = Object.entries(columns).map(([name, type]) => ({ name, type }))
  db.exec(`DROP TABLE IF EXISTS ${STAGING}; CREATE TABLE ${STAGING} (${named.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ')})`)
  const insert = db.prepare(`INSERT INTO ${STAGING} VALUES (${named.map(() => '?').join(', ')})`)
  for (const row of rows) insert.run(...row)
  const key = [named[0]!.name]
  const schema = mergeSchema(db, 'data', named.map((column) => ({ ...column, isUndecided: false })), false, key)
  return { table: 'data', staging: STAGING, importNumber: 1, key, schema, report: () => undefined }
}

test('rows are matched by the index over the file\'s rows, whatever their key is declared as', (t) => {
  const statements: string[] = []
  const db = database(t, (sql) => statements.push(String(sql)))
  const keys: Record<string, ColumnType> = {
    'TEXT': 'TEXT', 'INTEGER': 'INTEGER', 'REAL': 'REAL', 'NUMERIC': 'REAL', 'DATE': 'TEXT', 'DATETIME': 'TEXT', 'STRING': 'TEXT', 'BLOB': 'TEXT', '': 'TEXT',
  }
  for (const [declared, type] of Object.entries(keys)) {
    db.exec(`DROP TABLE IF EXISTS data; CREATE TABLE data (k ${declared}, v TEXT); INSERT INTO data VALUES ('1', 'a')`)
    mergeStaged(db, staged(db, { k: type, v: 'TEXT' }, [[type === 'TEXT' ? '1' : 1, 'b'], [type === 'TEXT' ? '2' : 2, 'c']]))
    assert.deepEqual(db.prepare('SELECT CAST(k AS INTEGER) || v FROM data').pluck().all(), ['1b', '2c'], declared)
    const match = statements.findLast((sql) => sql.startsWith('INSERT INTO _hextrackr_matches'))!
    db.exec('CREATE TEMP TABLE _hextrackr_matches (staged, existing, changed)')
    const plan = db.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${match}`).all().map(({ detail }) => detail)
    db.exec('DROP TABLE temp._hextrackr_matches')
    assert.ok(plan.some((step) => step.startsWith('SEARCH s USING') && step.endsWith('(k=?)')), `${declared}: ${plan.join(' | ')}`)
  }
})

test('what is kept of texts is told range by range, of all columns at once', (t) => {
  const db = database(t)
  db.exec('CREATE TABLE data (a STRING, b DATE, c TEXT)')
  const request = staged(db, { a: 'TEXT', b: 'TEXT', c: 'TEXT' })
  db.exec(`WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 100000)
    INSERT INTO ${STAGING} SELECT i, iif(i = 60000, '1.50', '2024-01-01'), '007' FROM k`)
  const told: number[] = []
  assert.throws(() => checkKept(db, { ...request, report: (share) => told.push(share) }), { code: 'COLUMN_MISMATCH', message: /"b" .* declared as DATE.* "1\.50"/ })
  assert.deepEqual(told, [0.5])
  db.exec(`UPDATE ${STAGING} SET b = '' WHERE b = '1.50'`)
  checkKept(db, { ...request, report: (share) => told.push(share) })
  assert.deepEqual(told, [0.5, 0.5, 1])
  const stopped = new Error('stopped')
  const stop = (): never => {
    throw stopped
  }
  assert.throws(() => checkKept(db, { ...request, report: stop }), stopped)
})
