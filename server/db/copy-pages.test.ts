import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import Database from 'better-sqlite3'
import { Fault } from '../faults.ts'
import { temporaryFolder } from '../test/support.ts'
import { copyPages, pinSnapshot, type CopyWatch } from './copy-pages.ts'

const ACCOUNTS = 1500
const TOTAL = ACCOUNTS * 1000

const quiet: CopyWatch = { busyTimeoutMs: 0, onProgress: () => undefined, checkStop: () => undefined }

/** A bank whose accounts each fill most of a page. */
function openBank(path: string): Database.Database {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, note BLOB)')
  db.exec(`WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < ${ACCOUNTS}) INSERT INTO accounts SELECT id, 1000, zeroblob(2500) FROM n`)
  return db
}

const balance = (db: Database.Database): unknown => db.prepare('SELECT sum(balance) FROM accounts').pluck().get()

describe('a copy', () => {
  test('is of one moment and never begins anew, although another connection writes between its batches', async (t) => {
    const folder = temporaryFolder(t)
    const writer = openBank(join(folder, 'bank.db'))
    const transfer = writer.transaction((from: number, to: number) => {
      writer.prepare('UPDATE accounts SET balance = balance - 7, note = zeroblob(3000) WHERE id = ?').run(from)
      writer.prepare('UPDATE accounts SET balance = balance + 7 WHERE id = ?').run(to)
    })
    for (let copy = 0; copy < 20; copy++) {
      const source = new Database(join(folder, 'bank.db'), { readonly: true })
      pinSnapshot(source)
      const before = source.prepare('SELECT id, balance FROM accounts').all()
      const seen: number[] = []
      await copyPages(source, join(folder, `${copy}.db`), {
        ...quiet,
        onProgress: (pagesDone) => {
          seen.push(pagesDone)
          // The first pages and the last: some that have been copied and some that have not.
          transfer(1 + copy, ACCOUNTS - copy)
        },
      })
      source.close()
      assert.ok(seen.length > 3, `only ${seen.length} batches`)
      assert.deepEqual(seen, seen.toSorted((a, b) => a - b))
      const made = new Database(join(folder, `${copy}.db`), { readonly: true })
      assert.equal(balance(made), TOTAL)
      assert.deepEqual(made.prepare('SELECT id, balance FROM accounts').all(), before)
      made.close()
    }
    assert.equal(balance(writer), TOTAL)
    writer.close()
  })

  test('into a database that another program has locked fails as SQLITE_BUSY, and changes nothing', async (t) => {
    const folder = temporaryFolder(t)
    const source = openBank(join(folder, 'bank.db'))
    const locked = new Database(join(folder, 'locked.db'))
    locked.pragma('journal_mode = WAL')
    locked.exec('CREATE TABLE mine (x); BEGIN IMMEDIATE')
    pinSnapshot(source)
    await assert.rejects(copyPages(source, join(folder, 'locked.db'), quiet), (error) => error instanceof Fault && error.code === 'SQLITE_BUSY')
    locked.exec('COMMIT')
    assert.deepEqual(locked.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['mine'])
    source.close()
    locked.close()
  })

  test('has others locked out, and has written nothing yet, while work is done under its lock', async (t) => {
    const folder = temporaryFolder(t)
    const source = openBank(join(folder, 'bank.db'))
    const live = new Database(join(folder, 'live.db'), { timeout: 0 })
    live.pragma('journal_mode = WAL')
    live.exec('CREATE TABLE mine (x)')
    pinSnapshot(source)
    let found: unknown
    await copyPages(source, join(folder, 'live.db'), {
      ...quiet,
      whileLocked: () => {
        assert.throws(() => live.exec('INSERT INTO mine VALUES (1)'), /locked/)
        found = live.prepare('SELECT name FROM sqlite_schema').pluck().all()
        return Promise.resolve()
      },
    })
    assert.deepEqual(found, ['mine'])
    assert.equal(balance(live), TOTAL)
    source.close()
    live.close()
  })

  test('that is given up, before or under its lock or in its last step, leaves the destination as it was', async (t) => {
    const folder = temporaryFolder(t)
    const source = openBank(join(folder, 'bank.db'))
    const live = new Database(join(folder, 'live.db'))
    live.pragma('journal_mode = WAL')
    live.exec('CREATE TABLE mine (x)')
    pinSnapshot(source)
    const giveUp = (): never => {
      throw new Fault('CANCELLED', 'given up')
    }
    const watches: Partial<CopyWatch>[] = [
      { checkStop: giveUp }, { whileLocked: () => Promise.reject(new Fault('CANCELLED', 'given up')) }, { beforeCommit: giveUp },
      { onProgress: (done) => done > 200 ? giveUp() : undefined },
    ]
    for (const watch of watches) {
      await assert.rejects(copyPages(source, join(folder, 'live.db'), { ...quiet, ...watch }), /given up/)
      await assert.rejects(copyPages(source, join(folder, 'new.db'), { ...quiet, ...watch }), /given up/)
      assert.deepEqual(live.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['mine'])
      assert.ok(!existsSync(join(folder, 'new.db')))
    }
    source.close()
    live.close()
  })
})
