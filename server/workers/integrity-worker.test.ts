import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { pinSettled } from '../db/copy-settled.ts'
import { temporaryFolder } from '../test/support.ts'
import type { IntegrityPlan, IntegrityVerdict } from './integrity-worker.ts'

const PAGE_BYTES = 4096

function makeDatabase(t: TestContext): string {
  const path = join(temporaryFolder(t), 'live.db')
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, note TEXT)')
  db.exec(`WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < 3000) INSERT INTO rows SELECT id, 'a note of some length ' || id FROM n`)
  db.close()
  return path
}

function damage(path: string): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(PAGE_BYTES, 0xff), 0, PAGE_BYTES, 4 * PAGE_BYTES)
  closeSync(file)
}

async function verdictOn(plan: IntegrityPlan): Promise<IntegrityVerdict> {
  const [verdict] = await once(new Worker(new URL('integrity-worker.ts', import.meta.url), { workerData: plan }), 'message') as [IntegrityVerdict]
  return verdict
}

const codeOf = (verdict: IntegrityVerdict): string => typeof verdict === 'object' ? verdict.code : verdict

describe('an integrity check', () => {
  test('says of a file whether it is sound', async (t) => {
    const path = makeDatabase(t)
    assert.equal(await verdictOn({ path, busyTimeoutMs: 1000 }), 'sound')
    damage(path)
    assert.equal(codeOf(await verdictOn({ path, busyTimeoutMs: 1000 })), 'DATABASE_DAMAGED')
  })

  test('of what somebody else has pinned is that of the very bytes that are copied: there is none once others have written', async (t) => {
    const path = makeDatabase(t)
    const source = new Database(path)
    assert.equal(await pinSettled(source), true)
    const plan: IntegrityPlan = { path, busyTimeoutMs: 1000, settled: 'live' }
    assert.equal(await verdictOn(plan), 'sound')
    const writer = new Database(path)
    writer.exec('DELETE FROM rows WHERE id = 1')
    assert.equal(await verdictOn(plan), 'unsettled')
    source.close()
    assert.equal(await verdictOn(plan), 'sound')
    writer.close()
    damage(path)
    assert.equal(codeOf(await verdictOn(plan)), 'DATABASE_DAMAGED')
  })

  test('of a file that only may be read waits for no log', async (t) => {
    const path = makeDatabase(t)
    const db = new Database(path)
    db.pragma('journal_mode = DELETE')
    db.close()
    assert.equal(await verdictOn({ path, busyTimeoutMs: 1000, settled: 'file' }), 'sound')
  })
})
