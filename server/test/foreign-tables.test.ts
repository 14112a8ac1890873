/** Imports into tables that HexTrackr did not make. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type Database from 'better-sqlite3'
import type { ImportRecord, Problem } from '../protocol.ts'
import { suiteScope } from './suite.ts'
import { TestServer } from './support.ts'

describe('a table that another program made', () => {
  const scope = suiteScope()
  let server: TestServer
  let db: Database.Database
  before(async () => {
    server = await TestServer.start(scope)
    db = server.openDatabase()
  })

  const counts = ({ status, rowsRead, rowsInserted, rowsUpdated, rowsUnchanged, tableRows }: ImportRecord) =>
    ({ status, rowsRead, rowsInserted, rowsUpdated, rowsUnchanged, tableRows })

  test('has its rows updated whatever their keys are, and none of them twice', { timeout: 30_000 }, async () => {
    db.exec(`
      CREATE TABLE keys (id INTEGER PRIMARY KEY, v TEXT);
      INSERT INTO keys VALUES (-9223372036854775808, 'least'), (-5, 'below'), (0, 'none'), (1, 'one'), (1700000000000, 'far'), (9223372036854775807, 'most');
      CREATE TABLE hidden (k TEXT, v TEXT);
      INSERT INTO hidden (_rowid_, k, v) VALUES (-1, 'a', '1'), (0, 'b', '2'), (1, 'c', '3'), (1700000000000, 'd', '4');
    `)
    const keys = await server.import('id,v\n-5,x\n0,x\n1,one\n1700000000000,x\n2,new\n', { options: { table: 'keys', mode: 'upsert', key: ['id'] } })
    assert.deepEqual(counts(keys), { status: 'completed', rowsRead: 5, rowsInserted: 1, rowsUpdated: 3, rowsUnchanged: 1, tableRows: 7 })
    assert.deepEqual(db.prepare('SELECT v FROM keys ORDER BY id').pluck().all(), ['least', 'x', 'x', 'one', 'new', 'x', 'most'])

    const hidden = await server.import('k,v\na,x\nb,x\nc,3\nd,x\ne,new\n', { options: { table: 'hidden', mode: 'upsert', key: ['k'] } })
    assert.deepEqual(counts(hidden), { status: 'completed', rowsRead: 5, rowsInserted: 1, rowsUpdated: 3, rowsUnchanged: 1, tableRows: 5 })
    assert.deepEqual(db.prepare('SELECT k || v FROM hidden ORDER BY k').pluck().all(), ['ax', 'bx', 'c3', 'dx', 'enew'])
  })

  test('or added rows to keeps them where an import changes its columns', async () => {
    await server.import('a\n1\n', { filename: 'shared.csv' })
    db.exec('INSERT INTO shared (_rowid_, a) VALUES (0, 10), (-3, 20)')
    assert.equal((await server.import('a\nx\n', { options: { table: 'shared', mode: 'append' } })).status, 'completed')
    assert.deepEqual(db.prepare('SELECT a FROM shared ORDER BY _rowid_').pluck().all(), ['20', '10', '1', 'x'])
  })

  test('or added rows to keeps them when imports are undone, and counts them', async () => {
    const undo = async ({ sessionId }: ImportRecord): Promise<unknown> => {
      const { status, body } = await server.request<Problem>('POST', `/api/imports/${sessionId}/undo`)
      return status === 200 ? status : [body.code, body.detail]
    }
    const content = (): unknown => db.prepare('SELECT id || v FROM joint ORDER BY id').pluck().all()
    const rows = async (): Promise<number> => (await server.table('joint')).rows
    const into = (csv: string, mode: string, more: object = {}): Promise<ImportRecord> => server.import(csv, { options: { table: 'joint', mode, ...more } })

    const made = await server.import('id,v\n1,a\n2,a\n', { filename: 'joint.csv' })
    db.exec(`INSERT INTO joint VALUES (3, 'x')`)
    const appended = await into('id,v\n4,b\n5,b\n', 'append')
    assert.equal(appended.tableRows, 5)
    db.exec(`INSERT INTO joint VALUES (6, 'x'), (7, 'x')`)
    const upserted = await into('id,v\n1,c\n6,c\n8,c\n', 'upsert', { key: ['id'] })
    assert.deepEqual(counts(upserted), { status: 'completed', rowsRead: 3, rowsInserted: 1, rowsUpdated: 2, rowsUnchanged: 0, tableRows: 8 })
    db.exec(`INSERT INTO joint VALUES (9, 'x')`)
    assert.deepEqual([await undo(upserted), content(), await rows()], [200, ['1a', '2a', '3x', '4b', '5b', '6x', '7x', '9x'], 8])
    assert.deepEqual([await undo(appended), content(), await rows()], [200, ['1a', '2a', '3x', '6x', '7x', '9x'], 6])

    const words = ['NOT_UNDOABLE', 'Rows that another program has added to the table "joint" since would go as well. Remove them first.']
    const changed = await into('id,v,w\n10,d,d\n', 'append', { addColumns: true })
    assert.deepEqual([changed.tableRows, await undo(changed), content(), await rows()], [7, 200, ['1a', '2a', '3x', '6x', '7x', '9x'], 6])
    for (const [mode, csv] of [['append', 'id,v,w\n10,d,d\n'], ['replace', 'id,v\n10,d\n']] as const) {
      const record = await into(csv, mode, { addColumns: true })
      db.exec(`INSERT INTO joint (id, v) VALUES (11, 'x')`)
      assert.deepEqual([await undo(record), db.prepare('SELECT v FROM joint WHERE id > 9 ORDER BY id').pluck().all()], [words, ['d', 'x']], mode)
      db.exec(`DELETE FROM joint WHERE id = 11`)
      assert.deepEqual([await undo(record), content()], [200, ['1a', '2a', '3x', '6x', '7x', '9x']], mode)
    }
    assert.deepEqual(await undo(made), words)
    db.exec(`DELETE FROM joint WHERE v = 'x'`)
    assert.equal(await undo(made), 200)
    assert.equal((await server.get('/api/tables/joint')).status, 404)
  })

  test('and gave rules to says which of them a row breaks, and stays as it was', async () => {
    db.exec(`
      CREATE TABLE ruled (id INTEGER PRIMARY KEY, email TEXT UNIQUE COLLATE NOCASE, age INTEGER NOT NULL CHECK (age > 17));
      INSERT INTO ruled VALUES (1, 'Ann@x', 30);
    `)
    const refusal = async (csv: string, options: object): Promise<unknown> => {
      const { error } = await server.import(csv, { options: { table: 'ruled', ...options } })
      return [error?.code, error?.detail]
    }
    const words = (rule: string): unknown => ['SQLITE_CONSTRAINT', `The table "ruled" has a rule that a row of the file breaks: ${rule}.`]
    assert.deepEqual(await refusal('id,email,age\n1,bob@x,40\n', { mode: 'append' }), words('UNIQUE constraint failed: ruled.id'))
    assert.deepEqual(await refusal('email,age\nann@x,40\n', { mode: 'upsert', key: ['email'] }), words('UNIQUE constraint failed: ruled.email'))
    assert.deepEqual(await refusal('email\nbob@x\n', { mode: 'append' }), words('NOT NULL constraint failed: ruled.age'))
    assert.deepEqual(await refusal('id,age\n1,3\n', { mode: 'upsert', key: ['id'] }), words('CHECK constraint failed: age > 17'))
    assert.deepEqual(db.prepare('SELECT * FROM ruled').raw().all(), [[1, 'Ann@x', 30]])
  })

  test('without row keys takes rows, and says before the upload that none of them can be updated', async () => {
    db.exec(`CREATE TABLE keyless (id INTEGER PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO keyless VALUES (1, 'a')`)
    const added = await server.import('id,v\n2,b\n', { options: { table: 'keyless', mode: 'append' } })
    assert.deepEqual(counts(added), { status: 'completed', rowsRead: 1, rowsInserted: 1, rowsUpdated: 0, rowsUnchanged: 0, tableRows: 2 })
    const { status, body } = await server.upload('id,v\n2,c\n', { options: { table: 'keyless', mode: 'upsert', key: ['id'] } })
    assert.deepEqual([status, body.code], [400, 'BAD_OPTIONS'])
    assert.match(body.detail, /^The table "keyless" .* not updated by key\.$/)
  })

  test('keeps its columns: the refusal names the one that does not fit, and the way to import it all the same', async () => {
    db.exec(`CREATE TABLE goods (name TEXT, price REAL); INSERT INTO goods VALUES ('a', 1.5)`)
    const csv = 'name,price\nb,2.50\nc,3.25\n'
    const refused = await server.import(csv, { options: { table: 'goods', mode: 'append' } })
    assert.equal(refused.error?.code, 'COLUMN_MISMATCH')
    assert.match(refused.error.detail, /: "price" is REAL there, .*; choose that type for it/)
    const added = await server.import(csv, { options: { table: 'goods', mode: 'append', columns: { price: { type: 'REAL' } } } })
    assert.deepEqual(counts(added), { status: 'completed', rowsRead: 2, rowsInserted: 2, rowsUpdated: 0, rowsUnchanged: 0, tableRows: 3 })
    const wider = await server.import('name,more\nb,1\n', { options: { table: 'goods', mode: 'append', addColumns: true } })
    assert.match(wider.error?.detail ?? '', /it has no column "more", which can only be left out\.$/)
    assert.deepEqual(db.prepare('SELECT * FROM goods').raw().all(), [['a', 1.5], ['b', 2.5], ['c', 3.25]])
  })

  test('is not replaced where it is no table', async () => {
    db.exec('CREATE TABLE base (a); CREATE VIEW shown AS SELECT a FROM base')
    const { status, body } = await server.upload('a\n1\n', { options: { table: 'shown', mode: 'replace' } })
    assert.deepEqual([status, body.code], [409, 'TABLE_EXISTS'])
    assert.match(body.detail, /^"shown" is a view or an index/)
  })

  test('that refers to another one by foreign keys keeps its rows and means the name, whatever becomes of that one', async () => {
    db.exec(`CREATE TABLE artist (id INTEGER PRIMARY KEY, name TEXT);
      CREATE TABLE song (id INTEGER PRIMARY KEY, artist INTEGER REFERENCES artist (id) ON DELETE CASCADE);
      CREATE TABLE album (id INTEGER PRIMARY KEY, artist INTEGER REFERENCES artist (id));
      INSERT INTO artist VALUES (1, 'a'), (2, 'b');
      INSERT INTO song VALUES (1, 1), (2, 2);
      INSERT INTO album VALUES (1, 1)`)
    const others = (): unknown[] => ['song', 'album'].map((table) => [
      db.prepare(`SELECT * FROM ${table}`).raw(true).all(), db.pragma(`foreign_key_list(${table})`),
    ])
    const before = others()
    const record = await server.import('id,name\n1,c\n', { options: { table: 'artist', mode: 'replace' } })
    assert.deepEqual([record.status, others()], ['completed', before])
    assert.equal((await server.request('POST', `/api/imports/${record.sessionId}/undo`)).status, 200)
    assert.deepEqual(others(), before)
    assert.equal((await server.request('DELETE', '/api/tables/artist')).status, 204)
    assert.deepEqual(others(), before)
  })

  test('takes no rows that break its foreign keys', async () => {
    db.exec('CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent INTEGER REFERENCES parent (id)); INSERT INTO parent VALUES (1)')
    const { status, error } = await server.import('parent\n1\n2\n', { options: { table: 'child', mode: 'append' } })
    assert.deepEqual([status, (await server.rows('child')).rows], ['error', []])
    assert.deepEqual([error?.code, error?.detail], [
      'SQLITE_CONSTRAINT', 'The table "child" has a rule that a row of the file breaks: FOREIGN KEY constraint failed. A row would refer to one that is not there.',
    ])
    assert.equal((await server.import('parent\n1\n', { options: { table: 'child', mode: 'append' } })).status, 'completed')
  })

  test('takes rows that refer to each other, whichever comes first, if they all do in the end', async () => {
    db.exec(`CREATE TABLE boxes (id INTEGER PRIMARY KEY, inside INTEGER REFERENCES boxes (id)); CREATE INDEX insides ON boxes (inside); INSERT INTO boxes VALUES (1, NULL)`)
    const upsert = (csv: string): Promise<ImportRecord> => server.import(csv, { options: { table: 'boxes', mode: 'upsert', key: ['id'] } })
    assert.deepEqual(counts(await upsert('id,inside\n1,2\n2,3\n3,\n')), { status: 'completed', rowsRead: 3, rowsInserted: 2, rowsUpdated: 1, rowsUnchanged: 0, tableRows: 3 })
    // Further away than the rows of one statement.
    const far = Array.from({ length: 60_000 }, (_, index) => `${index + 4},${index === 0 ? 60_003 : 1}\n`).join('')
    const appended = await server.import(`id,inside\n${far}`, { options: { table: 'boxes', mode: 'append' } })
    assert.deepEqual([appended.status, appended.tableRows], ['completed', 60_003])
    const { error } = await upsert('id,inside\n1,99999999\n99999998,1\n')
    assert.deepEqual([error?.code, db.prepare('SELECT inside FROM boxes WHERE id = 1').pluck().get(), db.prepare('SELECT count(*) FROM boxes').pluck().get()], ['SQLITE_CONSTRAINT', 2, 60_003])
  })

  test('has rows matched by what is in columns without a type: a number is what the file has as its text, and stays one', async () => {
    db.exec(`CREATE TABLE untyped AS SELECT 5 + 0 AS code, 'a' AS name, 10 + 0 AS size UNION ALL SELECT 2.5, 'b', 0.1 + 0.2 UNION ALL SELECT '7', 'c', 3.0 UNION ALL SELECT x'37', 'd', NULL
      UNION ALL SELECT 9007199254740993 + 0, 'e', 1e21`)
    const exported = await server.export('untyped')
    const upsert = (csv: string): Promise<ImportRecord> => server.import(csv, { options: { table: 'untyped', mode: 'upsert', key: ['code'], columns: { size: { type: 'TEXT' } } } })
    const rows = (): unknown => db.prepare('SELECT typeof(code), name, typeof(size), CAST(size AS TEXT) FROM untyped').raw().all()
    const before = rows()
    const again = await upsert(exported.split('\r\n').filter((line) => !line.includes(',d,')).join('\r\n'))
    assert.deepEqual(counts(again), { status: 'completed', rowsRead: 4, rowsInserted: 0, rowsUpdated: 0, rowsUnchanged: 4, tableRows: 5 })
    assert.deepEqual(rows(), before)
    const changed = await upsert('code,name,size\n5,x,10\n2.5,b,11\n7,c,3\n6,new,1\n')
    assert.deepEqual(counts(changed), { status: 'completed', rowsRead: 4, rowsInserted: 1, rowsUpdated: 2, rowsUnchanged: 1, tableRows: 6 })
    assert.deepEqual(rows(), [
      ['integer', 'x', 'integer', '10'], ['real', 'b', 'text', '11'], ['text', 'c', 'real', '3.0'], ['blob', 'd', 'null', null],
      ['integer', 'e', 'real', '1.0e+21'], ['text', 'new', 'text', '1'],
    ])
  })

  test('takes no value that SQLite would change there', async () => {
    db.exec('CREATE TABLE declared (code STRING, at DATETIME, any, blob BLOB)')
    const append = async (row: string): Promise<string | undefined> =>
      (await server.import(`code,at,any,blob\n${row}\n`, { options: { table: 'declared', mode: 'append' } })).error?.detail
    assert.match(await append('007,2024-01-01,007,007') ?? '', /"code" .* declared as STRING.* "007"/)
    assert.match(await append('x,1e3,1,1') ?? '', /"at" .* declared as DATETIME.* "1e3"/)
    assert.equal(await append('x7,2024-01-01 10:00,007,1.50'), undefined)
    assert.equal(await append('7,12.5,1e5,+1'), undefined)
    assert.equal(await append(',,,'), undefined)
    assert.equal(await server.export('declared'), 'code,at,any,blob\r\nx7,2024-01-01 10:00,007,1.50\r\n7,12.5,1e5,+1\r\n,,,\r\n')
  })

  test('fills columns that a file does not have by its own rules', async () => {
    db.exec(`CREATE TABLE defaulted (id INTEGER PRIMARY KEY, name TEXT, state TEXT NOT NULL DEFAULT 'open'); INSERT INTO defaulted (name) VALUES ('a')`)
    const { status, notices } = await server.import('name\nb\n', { options: { table: 'defaulted', mode: 'append' } })
    assert.equal(status, 'completed')
    assert.ok(notices!.some((text) => text.includes('"state"; the table says what it is in new rows')), notices!.join(' | '))
    assert.deepEqual((await server.rows('defaulted')).rows, [[1, 'a', 'open'], [2, 'b', 'open']])
  })

  test('whose key is an integer says so where the file has something else', async () => {
    db.exec('CREATE TABLE numbered (id INTEGER PRIMARY KEY, v TEXT)')
    const { error } = await server.import('id,v\nx,a\n', { options: { table: 'numbered', mode: 'append' } })
    assert.deepEqual([error?.code, (await server.rows('numbered')).total], ['COLUMN_MISMATCH', 0])
  })

  test('are filtered by integers beyond JavaScript\'s, digit by digit', async () => {
    db.exec(`CREATE TABLE snowflakes (id INTEGER, name TEXT);
      INSERT INTO snowflakes VALUES (9007199254740992, 'a'), (9007199254740993, 'b'), (1234567890123456789, 'c'), (1234567890123456790, 'd'), (-9223372036854775808, 'least')`)
    const filter = async (value: string): Promise<unknown> => (await server.rows('snowflakes', `?filter[id]=${encodeURIComponent(value)}`)).rows.map(([, name]) => name).join('')
    assert.equal(await filter('eq:9007199254740993'), 'b')
    assert.equal(await filter('ne:9007199254740993'), 'acdleast')
    assert.equal(await filter('in:["1234567890123456789","9007199254740992",null]'), 'ac')
    assert.equal(await filter('gt:1234567890123456789'), 'd')
    assert.equal(await filter('lte:-9223372036854775808'), 'least')
    assert.equal(await filter('gt:1e18'), 'cd')
    assert.equal(await filter('lt:99999999999999999999'), 'abcdleast')
  })

  test('are sorted and filtered by columns whose names differ in the case of letters that are not ASCII', async () => {
    db.exec(`CREATE TABLE cases ("Ä" TEXT, "ä" TEXT); INSERT INTO cases VALUES ('a', 'z'), ('b', 'y')`)
    const found = async (query: string): Promise<unknown> => (await server.rows('cases', query)).rows
    assert.deepEqual(await found(`?filter[${encodeURIComponent('Ä')}]=eq:a`), [['a', 'z']])
    assert.deepEqual(await found(`?sort=${encodeURIComponent('Ä')}`), [['a', 'z'], ['b', 'y']])
  })

  test('are filtered by what is in their columns where those have no type, indexed or not', async () => {
    db.exec(`CREATE TABLE made AS SELECT 'x' AS name, 5 + 0 AS n UNION ALL SELECT 'y', 2.5 UNION ALL SELECT 'z', '5' UNION ALL SELECT 'w', 30 UNION ALL SELECT 'v', NULL;
      CREATE TABLE typed (name, n TEXT); INSERT INTO typed VALUES ('a', '5'), ('b', '10'), ('c', '5.0'), ('d', '123456789012345680000')`)
    const filter = async (table: string, value: string): Promise<string> =>
      (await server.rows(table, `?filter[n]=${encodeURIComponent(value)}`)).rows.map(([name]) => name).sort().join('')
    const all = async (): Promise<string[]> => [
      ...await Promise.all(['eq:5', 'eq:2.5', 'ne:5', 'lt:5', 'lte:5', 'in:["30","5"]', 'in:["x",null]', 'eq:'].map((value) => filter('made', value))),
      ...await Promise.all(['eq:5', 'ne:5', 'gt:10', 'in:["5.0","10"]', 'gte:123456789012345680000'].map((value) => filter('typed', value))),
    ]
    const expected = ['xz', 'y', 'vwy', 'y', 'xy', 'wxz', 'v', '', 'a', 'bcd', 'acd', 'bc', 'acd']
    assert.deepEqual(await all(), expected)
    for (const table of ['made', 'typed']) assert.equal((await server.send('POST', `/api/tables/${table}/indexes`, { column: 'n' })).status, 201)
    assert.deepEqual(await all(), expected)
  })

  test('has keys that an update may not take away', async () => {
    db.exec(`CREATE TABLE staff (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO staff VALUES (1, 'a@x'), (2, 'b@x')`)
    const { error } = await server.import('id,email\n1,a@x\n,b@x\n', { options: { table: 'staff', mode: 'upsert', key: ['email'] } })
    assert.deepEqual([error?.code, error?.detail], ['SQLITE_CONSTRAINT', 'The table "staff" has a rule that a row of the file breaks: datatype mismatch.'])
    assert.deepEqual(db.prepare('SELECT * FROM staff').raw().all(), [[1, 'a@x'], [2, 'b@x']])
  })

  test('or renumbered is not undone by keys that are those of other rows now', async () => {
    await server.import('id,v\n1,a\n2,b\n3,c\n', { filename: 'renumbered.csv' })
    const options = { table: 'renumbered', mode: 'upsert', key: ['id'] }
    const { sessionId } = await server.import('id,v\n3,x\n4,d\n5,e\n', { options })
    db.exec('DELETE FROM renumbered WHERE id < 3; VACUUM')
    const { status, body } = await server.request<Problem>('POST', `/api/imports/${sessionId}/undo`)
    assert.deepEqual([status, body.code], [409, 'NOT_UNDOABLE'])
    assert.match(body.detail, /^Another program has removed rows of the table "renumbered"/)
    assert.deepEqual(db.prepare('SELECT * FROM renumbered').raw().all(), [[3, 'x'], [4, 'd'], [5, 'e']])
  })
})

test('a table and its columns may be called what a statement calls its parts', async (t) => {
  const server = await TestServer.start(t)
  for (const name of ['n', 'old', 's', 't', 'm']) {
    await server.import('id,v\n1,a\n2,b\n', { filename: `${name}.csv` })
    const { status, sessionId } = await server.import('id,v\n1,x\n2,b\n3,z\n', { options: { table: name, mode: 'upsert', key: ['id'] } })
    assert.deepEqual([status, (await server.rows(name)).rows], ['completed', [[1, 'x'], [2, 'b'], [3, 'z']]], name)
    assert.equal((await server.request('POST', `/api/imports/${sessionId}/undo`)).status, 200)
    assert.deepEqual((await server.rows(name)).rows, [[1, 'a'], [2, 'b']], name)
  }
  for (const [table, column] of [['sample', 'v'], ['keys', 'v'], ['deep', 'key']] as const) {
    server.openDatabase().exec(`CREATE TABLE ${table} (${column} INTEGER);
      WITH RECURSIVE k (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM k WHERE i < 60000) INSERT INTO ${table} SELECT i * 7919 % 60001 FROM k`)
    assert.deepEqual((await server.rows(table, `?sort=${column}&offset=30000&limit=1`)).rows, [[30_000]], table)
    assert.deepEqual((await server.rows(table, `?sort=${column}&offset=30000&limit=1&filter[${column}]=gte:1`)).rows, [[30_001]], table)
  }
})

test('a rule that another program gave to a table of ours is what an undo that breaks it ends with', async (t) => {
  const server = await TestServer.start(t)
  await server.import('id,v\n1,a\n', { filename: 'watched.csv' })
  const { sessionId } = await server.import('id,v\n2,b\n', { options: { table: 'watched', mode: 'append' } })
  server.openDatabase().exec(`CREATE TRIGGER keep BEFORE DELETE ON watched BEGIN SELECT RAISE(ABORT, 'rows stay'); END`)
  const { status, body } = await server.request('POST', `/api/imports/${sessionId}/undo`)
  assert.deepEqual([status, (body as { detail?: string }).detail], [422, 'The table "watched" has a rule that the undo breaks: rows stay.'])
})

test('a table that goes away during an import into it is what the import ends with', async (t) => {
  const server = await TestServer.start(t, { env: { BUSY_TIMEOUT_MS: '60000' } })
  await server.import('a\n1\n', { filename: 'gone.csv' })
  const db = server.openDatabase()
  db.exec('BEGIN IMMEDIATE; DROP TABLE gone')
  const { body: { sessionId } } = await server.upload('a\n2\n', { options: { table: 'gone', mode: 'append' } })
  db.exec('COMMIT')
  const { error } = await server.outcome(sessionId)
  assert.deepEqual([error?.code, error?.detail], ['TABLE_NOT_FOUND', 'The table "gone" went away during this import.'])
})
