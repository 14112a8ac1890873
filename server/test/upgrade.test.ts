/** The database of every earlier version, as databases/make.ts made it there, is opened by this one. */
import assert from 'node:assert/strict'
import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import type { ImportRecord, Problem, TableInfo } from '../protocol.ts'
import { restore } from './backup-support.ts'
import { suiteScope } from './suite.ts'
import { temporaryFolder, TestServer } from './support.ts'

const FOLDER = join(import.meta.dirname, 'databases')

const CREATED = 'id,name,score\r\n1,Ann,1.50\r\n2,"Bob ""B"", jr",2.25\r\n'
const APPENDED = `${CREATED}4,Di,0.75\r\n`
const UPSERTED = 'id,name,score\r\n1,Ann,1.50\r\n2,Bo,2.25\r\n4,Di,0.75\r\n5,Ed,9.00\r\n'
const PRICES = 'id,price\r\n007,1\r\n'
const REPLACED = 'id,price,unit\r\n8,2,kg\r\n'

/** What defines the tables of the app itself, however it came to be. */
const ownSchema = (path: string): unknown => {
  const db = new Database(path, { readonly: true })
  try {
    const tables = db.prepare<[], { name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB '_hextrackr_*' AND name NOT GLOB '_hextrackr_undo_*' ORDER BY name`).all()
    return [db.pragma('user_version'), ...tables.map(({ name }) => ({
      name, columns: db.pragma(`table_xinfo(${name})`), keys: db.pragma(`foreign_key_list(${name})`),
      indexes: (db.pragma(`index_list(${name})`) as { name: string }[]).map((index) => [index.name, db.pragma(`index_info(${index.name})`)]).sort(),
    }))]
  } finally {
    db.close()
  }
}

describe('the database of an earlier version', () => {
  const scope = suiteScope()
  let fresh: TestServer
  let restored: TestServer
  before(async () => {
    [fresh, restored] = await Promise.all([TestServer.start(scope), TestServer.start(scope)])
  })

  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.db'))) {
    test(`${file}: is brought up to date, with all its content, and every import in it can still be undone`, async (t) => {
      const dataDir = temporaryFolder(t)
      copyFileSync(join(FOLDER, file), join(dataDir, 'hextrackr.db'))
      const server = await TestServer.start(t, { dataDir })
      assert.deepEqual(ownSchema(server.databasePath), ownSchema(fresh.databasePath), 'it has what a new database has')

      const imports = (await server.get<ImportRecord[]>('/api/imports')).body
      const hasModes = imports.some(({ mode }) => mode === 'upsert')
      const ofMode = (wanted: string, table: string): ImportRecord => imports.find(({ mode, table: into, status }) => mode === wanted && into === table && status === 'completed')!
      const made = ofMode('create', 'people')
      assert.deepEqual([made.number, made.filename, made.rowsRead, made.rowsInserted, made.rowsRejected, made.sha256?.length], [1, 'people.csv', 3, 2, 1, 64])
      assert.deepEqual((await server.record(made.sessionId)).rejectReasons?.map(({ reason }) => reason), ['it has 4 fields, the header has 3'])
      assert.equal(imports.find(({ filename }) => filename === 'blank.csv')?.error?.code, 'EMPTY_FILE')
      assert.deepEqual((await server.table('people')).columns.map(({ type, scale }) => [type, scale]), [['INTEGER', undefined], ['TEXT', undefined], ['REAL', 2]])
      assert.equal(await server.export('people'), hasModes ? UPSERTED : CREATED)
      assert.equal(await server.export('prices'), hasModes ? REPLACED : PRICES)

      const undo = async ({ sessionId }: ImportRecord): Promise<unknown> => {
        const { status, body } = await server.request<Problem>('POST', `/api/imports/${sessionId}/undo`)
        return status === 200 ? status : body.code
      }
      const { sessionId, error } = await server.import('id,name,score\n6,Flo,1.25\n', { options: { table: 'people', mode: 'append' } })
      assert.equal(error, undefined)
      assert.equal(await server.export('people'), `${hasModes ? UPSERTED : CREATED}6,Flo,1.25\r\n`)
      assert.equal(await undo(await server.record(sessionId)), 200)
      if (hasModes) {
        assert.equal(await undo(ofMode('replace', 'prices')), 200)
        assert.equal(await server.export('prices'), PRICES)
        assert.equal(await undo(ofMode('upsert', 'people')), 200)
        assert.equal(await server.export('people'), APPENDED)
        assert.equal(await undo(ofMode('append', 'people')), 200)
      }
      assert.equal(await server.export('people'), CREATED)
      // A version that could not undo kept nothing to undo with.
      assert.equal(await undo(made), hasModes ? 200 : 'NOT_UNDOABLE')
      assert.deepEqual((await server.get<TableInfo[]>('/api/tables')).body.map(({ name }) => name), hasModes ? ['prices'] : ['people', 'prices'])
      assert.deepEqual(server.openDatabase({ readonly: true }).pragma('integrity_check'), [{ integrity_check: 'ok' }])
      assert.deepEqual(server.openDatabase({ readonly: true }).pragma('foreign_key_check'), [])
    })

    test(`${file}: is restored as a backup, and is up to date then`, async () => {
      copyFileSync(join(FOLDER, file), join(restored.dataDir, 'backups', file))
      assert.equal((await restore(restored, file)).error, undefined)
      assert.match(await restored.export('people'), /^id,name,score\r\n1,Ann,1\.50\r\n/)
      const { table } = await restored.import('id,name,score\n6,Flo,1.25\n', { options: { table: 'people', mode: 'append' } })
      assert.match(await restored.export(table), /6,Flo,1\.25\r\n$/)
      await restored.settled()
      assert.deepEqual(ownSchema(restored.databasePath), ownSchema(fresh.databasePath))
    })
  }
})
