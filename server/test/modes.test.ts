import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, describe, test } from 'node:test'
import type { ImportPreview, ImportRecord, Problem } from '../protocol.ts'
import { newSessionId, TestServer } from './support.ts'
import { suiteScope } from './suite.ts'

describe('modes', () => {
  const scope = suiteScope()
  let server: TestServer
  before(async () => {
    server = await TestServer.start(scope)
  })

  const counts = ({ rowsRead, rowsInserted, rowsUpdated, rowsUnchanged, rowsRejected }: ImportRecord): number[] =>
    [rowsRead, rowsInserted, rowsUpdated, rowsUnchanged, rowsRejected]
  const contentHash = async (table: string): Promise<string> =>
    createHash('sha256').update(JSON.stringify((await server.table(table)).columns)).update(await server.export(table)).digest('hex')
  const undo = (sessionId: string): ReturnType<typeof server.request<Omit<ImportRecord, 'status'> & Problem>> => server.request('POST', `/api/imports/${sessionId}/undo`)
  let numbered = 0
  const newTable = async (csv: string): Promise<string> => (await server.import(csv, { options: { table: `t${++numbered}` } })).table

  /** Import, check, undo, and expect the very table that was there before. */
  async function importAndUndo(table: string, csv: string, options: object): Promise<ImportRecord> {
    const before = await contentHash(table)
    const record = await server.import(csv, { options: { table, ...options } })
    assert.equal(record.status, 'completed', JSON.stringify(record.error))
    assert.equal(record.undoable, true)
    const { status, body } = await undo(record.sessionId)
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(body.undoable, false)
    assert.ok(body.undoneAt)
    assert.equal(await contentHash(table), before)
    assert.equal((await server.rows(table)).total, (await server.table(table)).rows)
    return record
  }

  test('create makes a table, and its undo removes it', async () => {
    const record = await server.import('a,b\n1,x\n', { options: { table: 'created' } })
    assert.equal((await undo(record.sessionId)).status, 200)
    assert.equal((await server.get('/api/tables/created')).status, 404)
    assert.deepEqual([(await undo(record.sessionId)).body.code], ['NOT_UNDOABLE'])
  })

  test('append matches columns by name and adds rows behind those that are there', async () => {
    const table = await newTable('id,name,amount\n1,a,1.50\n2,b,\n')
    const record = await server.import('AMOUNT,id\n7.25,3\n,4\n', { options: { table, mode: 'append' } })
    assert.deepEqual(counts(record), [2, 2, 0, 0, 0])
    assert.equal(record.tableRows, 4)
    assert.match(record.notices!.join(), /no column "name"/)
    assert.equal(await server.export(table), 'id,name,amount\r\n1,a,1.50\r\n2,b,\r\n3,,7.25\r\n4,,\r\n')
    assert.equal((await undo(record.sessionId)).status, 200)
    assert.equal(await server.export(table), 'id,name,amount\r\n1,a,1.50\r\n2,b,\r\n')
  })

  test('append adds new columns only if asked', async () => {
    const table = await newTable('a\n1\n')
    assert.equal((await server.import('a,b\n2,x\n', { options: { table, mode: 'append' } })).error?.code, 'COLUMN_MISMATCH')
    assert.equal((await server.import('c\n2\n', { options: { table, mode: 'append', addColumns: true } })).error?.code, 'COLUMN_MISMATCH')
    const record = await importAndUndo(table, 'a,b\n2,x\n3,y\n', { mode: 'append', addColumns: true })
    assert.deepEqual(record.columns, [{ name: 'a', type: 'INTEGER' }, { name: 'b', type: 'TEXT' }])
  })

  test('append never changes a value to make it fit: the column becomes text instead', async () => {
    const table = await newTable('id,price\n1,1.50\n2,\n')
    const csv = 'id,price\n007,2.5\n,free\n'
    const record = await importAndUndo(table, csv, { mode: 'append' })
    assert.deepEqual(record.columns?.map(({ type }) => type), ['TEXT', 'TEXT'])
    assert.match(record.notices!.join(), /"id" is text now.*"price" is text now/s)
    await server.import(csv, { options: { table, mode: 'append' } })
    assert.equal(await server.export(table), 'id,price\r\n1,1.50\r\n2,\r\n007,2.5\r\n,free\r\n')
  })

  test('append of integers to text, and of nothing to numbers, keeps the table as it is', async () => {
    const table = await newTable('n,t\n1,x\n')
    const record = await server.import('n,t\n,7\n,\n', { options: { table, mode: 'append' } })
    assert.deepEqual(record.columns?.map(({ type }) => type), ['INTEGER', 'TEXT'])
    assert.deepEqual((await server.rows(table)).rows, [[1, 'x'], [null, '7'], [null, '']])
  })

  test('replace puts the file in the place of all rows', async () => {
    const table = await newTable('a\n1\n2\n')
    const record = await importAndUndo(table, 'x,y\n9,z\n', { mode: 'replace' })
    assert.deepEqual(counts(record), [1, 1, 0, 0, 0])
    const { status } = await server.import('x\n1\n', { options: { table: 'not there yet', mode: 'replace' } })
    assert.equal(status, 'completed')
  })

  test('replace and its undo keep views of the table working', async () => {
    const table = await newTable('a\n1\n2\n')
    const db = server.openDatabase()
    db.exec(`CREATE VIEW v_of_it AS SELECT sum(a) AS total FROM ${table}`)
    const record = await server.import('a\n10\n', { options: { table, mode: 'replace' } })
    assert.deepEqual(db.prepare('SELECT total FROM v_of_it').get(), { total: 10 })
    assert.equal((await undo(record.sessionId)).status, 200)
    assert.deepEqual(db.prepare('SELECT total FROM v_of_it').get(), { total: 3 })
  })

  test('undo data is kept up to the limit, the oldest goes first', async (t) => {
    const small = await TestServer.start(t, { env: { MAX_UNDO_BYTES: '300k' } })
    const csv = `a\n${`${'x'.repeat(100)}\n`.repeat(1500)}`
    const plansKept = (): number => small.openDatabase().prepare<[], { n: number }>('SELECT count(*) AS n FROM _hextrackr_undo WHERE bytes > 0').get()!.n
    await small.import(csv, { options: { table: 'a' } })
    const first = await small.import(csv, { options: { table: 'a', mode: 'replace' } })
    const second = await small.import(csv, { options: { table: 'a', mode: 'replace' } })
    while (plansKept() > 1) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal((await small.record(second.sessionId)).undoable, true)
    assert.equal((await small.request('POST', `/api/imports/${second.sessionId}/undo`)).status, 200)
    const refused = await small.request<Problem>('POST', `/api/imports/${first.sessionId}/undo`)
    assert.deepEqual([refused.status, refused.body.code], [409, 'NOT_UNDOABLE'])
    assert.match(refused.body.detail, /no longer kept/)
  })

  test('upsert tells added, updated and unchanged rows apart, and its undo brings every value back', async () => {
    const line = (id: number, value: string): string => `${id},host-${id},${value}\n`
    const header = 'id,host,state\n'
    const old = header + Array.from({ length: 2000 }, (_, id) => line(id, 'open')).join('')
    // 90 % the same, 5 % changed, 5 % new.
    const next = header + Array.from({ length: 2000 }, (_, index) => {
      const id = index + 100
      return line(id, id < 1900 ? 'open' : id < 2000 ? 'fixed' : 'open')
    }).join('')
    const table = await newTable(old)
    const record = await importAndUndo(table, next, { mode: 'upsert', key: ['id'] })
    assert.deepEqual(counts(record), [2000, 100, 100, 1800, 0])
    assert.equal(record.tableRows, 2100)
    await server.import(next, { options: { table, mode: 'upsert', key: 'ID' } })
    assert.deepEqual((await server.rows(table, '?filter[state]=eq:fixed')).total, 100)
    assert.deepEqual((await server.rows(table, '?filter[id]=eq:5')).rows, [[5, 'host-5', 'open']])
  })

  test('upsert by several columns leaves columns that the file does not have as they are', async () => {
    const table = await newTable('host,port,state,note\na,22,open,mine\na,80,open,\nb,22,open,\n')
    const record = await importAndUndo(table, 'host,port,state\na,22,closed\nc,22,open\n', { mode: 'upsert', key: ['host', 'port'] })
    assert.deepEqual(counts(record), [2, 1, 1, 0, 0])
    await server.import('host,port,state\na,22,closed\nc,22,open\n', { options: { table, mode: 'upsert', key: ['host', 'port'] } })
    assert.equal(await server.export(table), 'host,port,state,note\r\na,22,closed,mine\r\na,80,open,\r\nb,22,open,\r\nc,22,open,\r\n')
  })

  test('upsert that changes a column\'s type is undone as well', async () => {
    const table = await newTable('id,v\n1,10\n2,20\n')
    const record = await importAndUndo(table, 'id,v\n2,x\n3,30\n', { mode: 'upsert', key: ['id'] })
    assert.deepEqual(counts(record), [2, 1, 1, 0, 0])
  })

  test('an undo brings changed rows back whatever their columns are called', async () => {
    const table = await newTable('_rowid_of_row_,_rowid_,rowid,v\n1,2,3,4\n')
    await importAndUndo(table, '_rowid_of_row_,_rowid_,rowid,v\n1,2,3,5\n', { mode: 'upsert', key: ['_rowid_of_row_'] })
  })

  test('upsert needs a key that is there and unique', async () => {
    const table = await newTable('id,v\n1,a\n1,b\n')
    const ask = async (csv: string, options: object): Promise<string | undefined> => {
      const { status, body } = await server.upload(csv, { options: { table, mode: 'upsert', ...options } })
      return status === 202 ? (await server.outcome(body.sessionId)).error?.code : body.code
    }
    assert.equal(await ask('id,v\n1,a\n', {}), 'KEY_REQUIRED')
    assert.equal(await ask('id,v\n1,a\n', { key: [] }), 'KEY_REQUIRED')
    assert.equal(await ask('id,v\n1,a\n', { key: [7] }), 'BAD_OPTIONS')
    assert.equal(await ask('id,v\n1,a\n', { key: ['none'] }), 'COLUMN_MISMATCH')
    assert.equal(await ask('id,v\n5,a\n5,b\n', { key: ['id'] }), 'KEY_NOT_UNIQUE')
    assert.equal(await ask('id,v\n1,c\n', { key: ['id'] }), 'KEY_NOT_UNIQUE')
    assert.equal(await server.export(table), 'id,v\r\n1,a\r\n1,b\r\n')
  })

  test('append and upsert need a table that is there', async () => {
    for (const options of [{ mode: 'append' }, { mode: 'upsert', key: ['a'] }]) {
      const { status, body } = await server.upload('a\n1\n', { options: { table: 'nowhere', ...options } })
      assert.deepEqual([status, body.code], [404, 'TABLE_NOT_FOUND'])
    }
  })

  test('an undo is refused while a later import stands in the way, which it names', async () => {
    const table = await newTable('a\n1\n')
    const first = await server.import('a\n2\n', { options: { table, mode: 'append' } })
    const second = await server.import('a\n3\n', { options: { table, mode: 'append' } })
    const refused = await undo(first.sessionId)
    assert.deepEqual([refused.status, refused.body.code], [409, 'NOT_UNDOABLE'])
    assert.match(refused.body.detail, new RegExp(`Undo #${second.number} first`))
    assert.equal((await server.record(first.sessionId)).undoable, false)
    assert.equal((await undo(second.sessionId)).status, 200)
    assert.equal((await undo(first.sessionId)).status, 200)
    assert.equal(await server.export(table), 'a\r\n1\r\n')
  })

  test('a table of as many columns as there can be is updated, rewritten and undone like any other', async () => {
    const columns = Array.from({ length: 2000 }, (_, index) => `c${index}`)
    const rows = (...values: string[]): string => [columns, ...values.map((value, row) => columns.map((_, column) => column === 0 ? row : value))].map((fields) => `${fields.join(',')}\n`).join('')
    const table = await newTable(rows('5', '6', '7'))
    const updated = await importAndUndo(table, rows('5', '8'), { mode: 'upsert', key: ['c0'] })
    assert.deepEqual(counts(updated), [2, 0, 1, 1, 0])
    const rewritten = await server.import(rows('x'), { options: { table, mode: 'append' } })
    assert.equal(rewritten.status, 'completed', JSON.stringify(rewritten.error))
    assert.equal((await server.export(table)).replaceAll('\r', ''), rows('5', '6', '7') + rows('x').split('\n')[1]! + '\n')
    const wider = await server.import('c0,more\n1,2\n', { options: { table, mode: 'append', addColumns: true } })
    assert.equal(wider.error?.code, 'TOO_MANY_COLUMNS')
  })

  test('an undo that cannot be says why', async () => {
    const refusal = async ({ sessionId }: ImportRecord): Promise<string> => {
      const { status, body } = await undo(sessionId)
      assert.deepEqual([status, body.code], [409, 'NOT_UNDOABLE'])
      return body.detail
    }
    const table = await newTable('a\n1\n')
    const failed = await server.import('b\n2\n', { options: { table, mode: 'append' } })
    assert.equal(await refusal(failed), 'It did not succeed, so it changed nothing.')
    const undone = await server.import('a\n2\n', { options: { table, mode: 'append' } })
    await undo(undone.sessionId)
    assert.equal(await refusal(undone), 'It was undone already.')
    server.openDatabase().exec('CREATE TABLE foreign_made (a INTEGER)')
    const foreign = await server.import('a\n1\n', { options: { table: 'foreign_made', mode: 'append' } })
    assert.match(await refusal(foreign), /^The table "foreign_made" was made by another program/)
    const dropped = await server.import('a\n2\n', { options: { table, mode: 'append' } })
    assert.equal((await server.request('DELETE', `/api/tables/${table}`)).status, 204)
    assert.equal(await refusal(dropped), `The table "${table}" is gone.`)
  })

  test('two imports into one table follow each other', async () => {
    const table = await newTable('a\n0\n')
    const csv = `a\n${'1\n'.repeat(200_000)}`
    const ids = await Promise.all([1, 2, 3].map(async () => (await server.upload(csv, { options: { table, mode: 'append' } })).body.sessionId))
    for (const id of ids) assert.equal((await server.outcome(id)).status, 'completed')
    assert.equal((await server.rows(table, '?q=')).total, 600_001)
    assert.equal((await server.rows(table, '?filter[a]=eq:1')).total, 600_000)
  })

  test('an import that fails while merging changes nothing', async () => {
    const table = await newTable(`id,v\n${Array.from({ length: 1000 }, (_, id) => `${id},a\n`).join('')}`)
    const before = await contentHash(table)
    const record = await server.import('id,v\n1,b\n2,c\n2,d\n', { options: { table, mode: 'upsert', key: ['id'] } })
    assert.equal(record.error?.code, 'KEY_NOT_UNIQUE')
    assert.equal(await contentHash(table), before)
    assert.deepEqual(server.openDatabase().prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '%staging%' OR name LIKE '%matches%'`).all(), [])
  })

  test('a table keeps its imports through a rename', async () => {
    const table = await newTable('a\n1\n')
    const record = await server.import('a\n2\n', { options: { table, mode: 'append' } })
    const renamed = await server.request<Problem>('PATCH', `/api/tables/${table}`, { body: JSON.stringify({ name: 'new name' }), headers: { 'content-type': 'application/json' } })
    assert.equal(renamed.status, 200, JSON.stringify(renamed.body))
    assert.equal((await server.record(record.sessionId)).table, 'new name')
    assert.equal((await undo(record.sessionId)).status, 200)
    assert.equal(await server.export('new name'), 'a\r\n1\r\n')
    for (const [name, code] of [['sqlite_x', 'BAD_TABLE_NAME'], [undefined, 'BAD_TABLE_NAME']]) {
      const { body } = await server.request<Problem>('PATCH', '/api/tables/new name', { body: JSON.stringify({ name }), headers: { 'content-type': 'application/json' } })
      assert.equal(body.code, code)
    }
  })
})

function preview(
  server: TestServer, content: string, { options, filename = 'p.csv', fileBytes }: { options?: object, filename?: string, fileBytes?: number } = {},
): ReturnType<typeof server.request<ImportPreview & Problem>> {
  const form = new FormData()
  if (options) form.append('options', JSON.stringify(options))
  if (fileBytes !== undefined) form.append('fileBytes', String(fileBytes))
  form.append('file', new Blob([content]), filename)
  return server.request('POST', '/api/imports/preview', { body: form })
}

describe('rejected rows', () => {
  test('come back with line and reason in the file\'s own dialect, and go to the same table once corrected', async (t) => {
    const server = await TestServer.start(t)
    const record = await server.import('id;note\n1;a\n2;b;c\n3;"d\ne"\n4;"x;y";z\n', { filename: 'semi.csv' })
    assert.deepEqual([record.rowsRead, record.rowsInserted, record.rowsRejected], [4, 2, 2])
    const { body, headers } = await server.get<string>(`/api/imports/${record.sessionId}/rejects`)
    assert.equal(body, '_line;_reason;id;note\n3;it has 3 fields, the header has 2;2;b;c\n6;it has 3 fields, the header has 2;4;"x;y";z\n')
    assert.match(headers.get('content-disposition')!, /semi-rejects-1\.csv/)

    const again = await server.import(body.replace('b;c', 'bc'), { filename: 'semi-rejects-1.csv' })
    assert.equal(again.error, undefined)
    assert.deepEqual([again.table, again.mode, again.rowsInserted, again.rowsRejected], ['semi', 'append', 1, 1])
    assert.deepEqual((await server.rows('semi')).rows, [[1, 'a'], [3, 'd\ne'], [2, 'bc']])
    const rest = (await server.get<string>(`/api/imports/${again.sessionId}/rejects`)).body
    assert.equal(rest, '_line;_reason;id;note\n3;it has 5 fields, the header has 4;4;"x;y";z\n')
    const last = await server.import(rest.replace(';z', ''), { filename: 'whatever.csv' })
    assert.deepEqual([last.table, last.rowsInserted], ['semi', 1])
  })

  test('follow their table to its new name, as the settings of its files do', async (t) => {
    const server = await TestServer.start(t)
    const { sessionId } = await server.import('id,note\n1,a\n2,b,c\n', { filename: 'hosts.csv' })
    await server.import('id,other\n1,a\n', { filename: 'apart.csv' })
    const rejects = (await server.get<string>(`/api/imports/${sessionId}/rejects`)).body
    assert.equal((await server.send('PATCH', '/api/tables/HOSTS', { name: 'machines' })).status, 200)
    const corrected = await server.import(rejects.replace('b,c', 'b'), { filename: 'hosts-rejects-1.csv' })
    assert.deepEqual([corrected.table, corrected.mode, corrected.rowsInserted], ['machines', 'append', 1])
    const remembered = async (header: string): Promise<unknown> => (await preview(server, `${header}\n9,z\n`)).body.remembered?.options['table']
    assert.deepEqual([await remembered('id,note'), await remembered('id,other')], ['machines', 'apart'])
  })

  test('are rows whose values are not of a type that was asked for', async (t) => {
    const server = await TestServer.start(t)
    const record = await server.import('a,b,c\n1,x,1e3\nx,y,2\n+7,z,\n', {
      filename: 'forced.csv', options: { columns: { a: { type: 'INTEGER' }, b: { skip: true }, c: { type: 'REAL', rename: 'amount' } } },
    })
    assert.deepEqual([record.rowsInserted, record.rowsRejected], [2, 1])
    const page = await server.rows('forced')
    assert.deepEqual(page.columns, [{ name: 'a', type: 'INTEGER' }, { name: 'amount', type: 'REAL' }])
    assert.deepEqual(page.rows, [[1, 1000], [7, null]])
    assert.match((await server.get<string>(`/api/imports/${record.sessionId}/rejects`)).body, /3,"?a: ""x"" is not an integer"?,x,y,2/)
  })

  test('are no values that a type that was asked for spells anew: those are told', async (t) => {
    const server = await TestServer.start(t)
    const csv = `n,r,kept\n${'1,1.5,2\n'.repeat(20_000)}007,1.50,3\n+5,12345678901234567890123,4\n`
    const record = await server.import(csv, { options: { table: 'asked', columns: { n: { type: 'INTEGER' }, r: { type: 'REAL' }, kept: { type: 'INTEGER' } } } })
    assert.deepEqual([record.status, record.rowsInserted], ['completed', 20_002])
    assert.deepEqual(record.notices, [
      'Column "n" is INTEGER as was asked for: 2 values are written in another way there, such as 007 as 7.',
      'Column "r" is REAL as was asked for: 2 values are written in another way there, such as 1.50 as 1.5.',
    ])
    const long = await server.import(`n\n${'0'.repeat(60)}7\n`, { filename: 'long.csv', options: { columns: { n: { type: 'INTEGER' } } } })
    assert.deepEqual(long.notices, [`Column "n" is INTEGER as was asked for: 1 value is written in another way there, such as ${'0'.repeat(40)}… as 7.`])
    const taken = await server.import('a,b\n1,2\n', { filename: 'taken.csv', options: { columns: { a: { rename: 'b' } } } })
    assert.deepEqual([taken.columns?.map(({ name }) => name), taken.notices], [['b', 'b_2'], ['Column 2, "b", is called "b_2".']])
  })

  test('are none where nothing was rejected or kept', async (t) => {
    const server = await TestServer.start(t)
    const fine = await server.import('a\n1\n')
    assert.equal((await server.get<string>(`/api/imports/${fine.sessionId}/rejects`)).body, '_line,_reason,a\n')
    const failed = await server.import('\n\n')
    assert.equal((await server.get<Problem>(`/api/imports/${failed.sessionId}/rejects`)).body.code, 'NO_REJECTS')
    assert.equal((await server.get<Problem>(`/api/imports/${newSessionId()}/rejects`)).body.code, 'SESSION_NOT_FOUND')
  })
})

describe('a preview', () => {
  test('says what an import would do, and stores nothing', async (t) => {
    const server = await TestServer.start(t)
    const csv = `id;name\n${Array.from({ length: 30 }, (_, id) => `${id};n${id}\n`).join('')}31;x;y\n32;\n`
    const { status, body } = await preview(server, csv, { filename: 'new.csv' })
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(body.dialect, { delimiter: ';', quote: '"', escape: '"', newline: '\n', encoding: 'utf-8', header: true, skipLines: 0 })
    assert.deepEqual(body.columns, [
      { name: 'id', type: 'INTEGER', nullable: false, as: 'id', isSkipped: false, misfits: 0 },
      { name: 'name', type: 'TEXT', nullable: true, as: 'name', isSkipped: false, misfits: 0 },
    ])
    assert.equal(body.rows.length, 20)
    assert.deepEqual(body.rows[19], ['19', 'n19'])
    assert.deepEqual([body.suggestedTable, body.rowsSampled, body.rowsRejected], ['new', 32, 1])
    assert.deepEqual((await server.get('/api/tables')).body, [])
    assert.deepEqual((await server.get('/api/imports')).body, [])
    assert.deepEqual(server.stagedFiles(), [])
  })

  test('follows what the person decides', async (t) => {
    const server = await TestServer.start(t)
    const { body } = await preview(server, 'a,b\n1,x\n2,y\n', { options: { columns: { a: { rename: 'n' }, b: { type: 'INTEGER' } } } })
    assert.deepEqual(body.columns.map(({ as, type, misfits }) => [as, type, misfits]), [['n', 'INTEGER', 0], ['b', 'INTEGER', 2]])
    assert.equal(body.rowsRejected, 2)
    const skipped = (await preview(server, 'a,b\n1,x\n', { options: { columns: { b: { skip: true } } } })).body
    assert.deepEqual(skipped.columns.map(({ isSkipped }) => isSkipped), [false, true])
    assert.equal((await preview(server, 'a\n1\n', { options: { columns: { zzz: { skip: true } } } })).body.code, 'BAD_OPTIONS')
  })

  test('remembers what was chosen for the header, and points out a file that was imported before', async (t) => {
    const server = await TestServer.start(t)
    const csv = 'x,y\n1,2\n'
    const record = await server.import(csv, { options: { table: 'kept', columns: { y: { type: 'TEXT' } } } })
    const { body } = await preview(server, csv, { fileBytes: csv.length })
    assert.equal(body.remembered?.options.table, 'kept')
    assert.deepEqual(body.sameAs, { sessionId: record.sessionId, number: 1, table: 'kept', finishedAt: record.finishedAt })
    assert.equal((await preview(server, 'x,y\n1,3\n', { fileBytes: csv.length })).body.sameAs, undefined)
    assert.match((await server.import(csv)).notices!.join(), /imported before, as #1/)
  })

  test('takes no more than the first piece of a file, whatever is sent', async (t) => {
    const server = await TestServer.start(t)
    const { status, body } = await preview(server, `a,b\n${'1,2\n'.repeat(1_000_000)}`)
    assert.equal(status, 200)
    assert.ok(body.rowsSampled < 300_000)
  })

  test('refuses what an import would refuse', async (t) => {
    const server = await TestServer.start(t)
    assert.equal((await preview(server, '')).body.code, 'EMPTY_FILE')
    assert.equal((await preview(server, '%PDF-1.4')).body.code, 'NOT_CSV')
    assert.equal((await preview(server, 'a\n1\n', { options: { mode: 'sideways' } })).body.code, 'BAD_OPTIONS')
  })
})
