import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import Database from 'better-sqlite3'
import { temporaryFolder } from '../test/support.ts'
import { copySettled, pinSettled } from './copy-settled.ts'

const ROWS = 3000

/** A database with a log, all of it still in there. */
function openLogged(path: string): Database.Database {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('wal_autocheckpoint = 0')
  db.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, note BLOB)')
  db.exec(`WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < ${ROWS}) INSERT INTO rows SELECT id, randomblob(2500) FROM n`)
  return db
}

const rowsOf = (db: Database.Database): unknown[] => db.prepare('SELECT * FROM rows ORDER BY id').all()

describe('a settled copy', () => {
  test('holds the moment in which it was pinned, although others write and the log is copied meanwhile, and has the hash that it says', async (t) => {
    const path = join(temporaryFolder(t), 'live.db')
    const writer = openLogged(path)
    const expected = rowsOf(writer)
    const source = new Database(path)
    assert.equal(await pinSettled(source), true)
    const change = writer.prepare('UPDATE rows SET note = randomblob(2500) WHERE id = ?')
    const seen: number[] = []
    let id = 0
    let pages = 0
    const sha256 = await copySettled(source, `${path}.copy`, (pagesDone, pagesTotal) => {
      seen.push(pagesDone)
      pages = pagesTotal
      for (let changed = 0; changed < 50; changed++) change.run(1 + (id++ * 7) % ROWS)
      writer.pragma('wal_checkpoint(PASSIVE)')
    })
    assert.ok(seen.length > 1 && seen.at(-1) === pages, `${seen.length} reports`)
    assert.notDeepEqual(rowsOf(writer), expected)
    assert.equal(createHash('sha256').update(readFileSync(`${path}.copy`)).digest('hex'), sha256)
    const copy = new Database(`${path}.copy`, { readonly: true })
    assert.deepEqual([copy.pragma('journal_mode', { simple: true }), copy.pragma('integrity_check', { simple: true })], ['delete', 'ok'])
    assert.equal(existsSync(`${path}.copy-wal`), false)
    assert.deepEqual(rowsOf(copy), expected)
    copy.close()
    writer.close()
  })

  test('of a file without a log is that file, byte for byte', async (t) => {
    const path = join(temporaryFolder(t), 'plain.db')
    const db = openLogged(path)
    db.pragma('journal_mode = DELETE')
    db.close()
    const source = new Database(path, { readonly: true })
    assert.equal(await pinSettled(source), true)
    await copySettled(source, `${path}.copy`, () => undefined)
    assert.deepEqual(readFileSync(`${path}.copy`), readFileSync(path))
  })

  test('is not made where the log cannot all be copied: while somebody reads what is older, or it may not be', async (t) => {
    const path = join(temporaryFolder(t), 'live.db')
    const writer = openLogged(path)
    const reader = new Database(path, { readonly: true })
    reader.exec('BEGIN')
    rowsOf(reader)
    writer.exec('DELETE FROM rows WHERE id = 1')
    const source = new Database(path)
    assert.equal(await pinSettled(source), false)
    assert.equal(source.inTransaction, false)
    reader.exec('ROLLBACK')
    source.pragma('query_only = ON')
    assert.equal(await pinSettled(source), false)
    source.pragma('query_only = OFF')
    assert.equal(await pinSettled(source), true)
    for (const db of [source, reader, writer]) db.close()
  })

  test('is not made of a moment in which somebody commits', async (t) => {
    const path = join(temporaryFolder(t), 'live.db')
    const writer = openLogged(path)
    let commits = 0
    const source = new Database(path)
    const pragma = source.pragma.bind(source)
    source.pragma = (sql, options) => {
      const result: unknown = pragma(sql, options)
      // Between the log's being copied and the snapshot.
      if (sql.startsWith('wal_checkpoint') && commits < 2) writer.exec(`DELETE FROM rows WHERE id = ${++commits}`)
      return result
    }
    assert.equal(await pinSettled(source), true)
    assert.equal(commits, 2)
    await copySettled(source, `${path}.copy`, () => undefined)
    const copy = new Database(`${path}.copy`, { readonly: true })
    assert.equal(rowsOf(copy).length, ROWS - 2)
    copy.close()
    writer.close()
  })
})
