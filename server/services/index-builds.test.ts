import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { columnIndexes } from '../db/catalogue.ts'
import { migrate } from '../db/migrations.ts'
import { createWriter, type Db } from '../db/open.ts'
import { temporaryFolder, type Scope } from '../test/support.ts'
import { IndexBuilds } from './index-builds.ts'
import { WriteTurns } from './write-turns.ts'

/** Tells when the turn has been taken that others may want. */
class WatchedTurns extends WriteTurns {
  readonly #taken = Promise.withResolvers<undefined>()

  get takenWhenIdle(): Promise<undefined> {
    return this.#taken.promise
  }

  override async takeWhenIdle(onWanted: () => void): Promise<() => void> {
    const release = await super.takeWhenIdle(onWanted, 1)
    this.#taken.resolve(undefined)
    return release
  }
}

function setUp(t: Scope): { db: Db, turns: WatchedTurns, builds: IndexBuilds } {
  const path = join(temporaryFolder(t), 'hextrackr.db')
  const db = createWriter(path, 0)
  t.after(() => db.close())
  migrate(db)
  db.exec('CREATE TABLE data (n INTEGER); WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 50000) INSERT INTO data SELECT i * 7919 % 50000 FROM k')
  const turns = new WatchedTurns()
  return { db, turns, builds: new IndexBuilds(path, turns, 5000, () => undefined) }
}

test('a build gives way to who wants to write, and is done afterwards', async (t) => {
  const { db, turns, builds } = setUp(t)
  const order: string[] = []
  const built = builds.build('data', 'n').then(() => order.push('built'))
  await turns.takenWhenIdle
  const release = await turns.take()
  // Nobody else has the lock, and nothing of the build is there.
  db.exec('INSERT INTO data VALUES (1)')
  assert.deepEqual([...columnIndexes(db, 'data')], [])
  order.push('written')
  release()
  await built
  assert.deepEqual(order, ['written', 'built'])
  assert.deepEqual([...columnIndexes(db, 'data').keys()], ['n'])
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
})

test('a build ends with the server, and is refused where there is nothing to build over', async (t) => {
  const { db, turns, builds } = setUp(t)
  await assert.rejects(builds.build('none', 'n'), { code: 'TABLE_NOT_FOUND' })
  await assert.rejects(builds.build('data', 'none'), { code: 'BAD_QUERY' })
  const ended = assert.rejects(builds.build('data', 'n'), { code: 'INTERRUPTED' })
  await turns.takenWhenIdle
  builds.close()
  await ended
  assert.deepEqual([...columnIndexes(db, 'data')], [])
})
