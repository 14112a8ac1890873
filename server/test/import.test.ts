import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import type { ImportRecord } from '../protocol.ts'
import { newSessionId, TestServer } from './support.ts'

const SAMPLE = readFileSync(join(import.meta.dirname, '../../data/sample-findings.csv'))

describe('an import', () => {
  test('brings every row of the sample into a table and gives it back cell for cell', async (t) => {
    const server = await TestServer.start(t)
    const record = await server.import(SAMPLE, { filename: 'sample-findings.csv' })
    assert.equal(record.status, 'completed')
    assert.equal(record.table, 'sample-findings')
    const expected = parse(SAMPLE)
    assert.equal(record.rowsRead, expected.length - 1)
    assert.deepEqual(parse(await server.export('sample-findings')), expected)
    const table = await server.table('sample-findings')
    assert.equal(table.rows, 5000)
    assert.deepEqual(table.columns.find(({ name }) => name === 'cvss'), { name: 'cvss', type: 'REAL', scale: 1 })
    assert.deepEqual(table.columns.find(({ name }) => name === 'finding_id'), { name: 'finding_id', type: 'TEXT' })
  })

  test('answers 202 with where to find it, and its receipt adds up', async (t) => {
    const server = await TestServer.start(t)
    const sessionId = newSessionId()
    const content = 'a,b\n1,x\n2,y,surplus\n3\n4,z,,\n'
    const { status, headers, body } = await server.upload(content, { sessionId, filename: 'päper.csv' })
    assert.equal(status, 202)
    assert.deepEqual(body, { sessionId, table: 'päper' })
    assert.equal(headers.get('location'), `/api/imports/${sessionId}`)
    await server.outcome(sessionId)
    const record = await server.record(sessionId)
    assert.deepEqual({ ...record, startedAt: 0, finishedAt: 0, durationMs: 0, rowsPerSecond: 0 }, {
      sessionId, number: 1, filename: 'päper.csv', table: 'päper', mode: 'create', status: 'completed',
      rowsRead: 4, rowsInserted: 3, rowsUpdated: 0, rowsUnchanged: 0, rowsRejected: 1,
      startedAt: 0, finishedAt: 0, durationMs: 0, rowsPerSecond: 0,
      bytes: Buffer.byteLength(content), sha256: createHash('sha256').update(content).digest('hex'),
      dialect: { quote: '"', escape: '"', header: true, skipLines: 0, newline: '\n', encoding: 'utf-8', delimiter: ',' },
      columns: [{ name: 'a', type: 'INTEGER' }, { name: 'b', type: 'TEXT' }],
      tableRows: 3, header: ['a', 'b'], notices: ['1 row had fewer fields than the header; the missing ones are empty.'], undoable: true,
      rejectReasons: [{ reason: 'it has 3 fields, the header has 2', count: 1, firstLine: 3 }],
    } satisfies ImportRecord)
    assert.deepEqual((await server.rows('päper')).rows, [[1, 'x'], [3, ''], [4, 'z']])
  })

  test('changes no value, even where a later row contradicts the type of the first ones', async (t) => {
    const server = await TestServer.start(t)
    const rows = Array.from({ length: 60_000 }, (_, index) => [String(index), (index / 4).toFixed(2), '', index === 50_000 ? '12' : '', 'x'])
    rows[59_990] = ['007', '1.5', '', '', '']
    rows[59_991] = ['', '', '', '', '']
    const csv = ['int,real,empty,late,text', ...rows.map((row) => row.join(','))].join('\n')
    const record = await server.import(csv, { filename: 'late.csv' })
    assert.deepEqual(record.columns?.map(({ type }) => type), ['TEXT', 'TEXT', 'TEXT', 'INTEGER', 'TEXT'])
    assert.deepEqual(parse(await server.export('late')), [['int', 'real', 'empty', 'late', 'text'], ...rows])
    assert.deepEqual((await server.rows('late', '?limit=1&offset=50000')).rows, [['50000', '12500.00', '', 12, 'x']])
  })

  test('keeps numbers as numbers where all of them come back unchanged', async (t) => {
    const server = await TestServer.start(t)
    await server.import('i,r,id,comma\n1,1.50,007,"1,5"\n,22.75,8,\n-3,,9,"2,5"\n', { filename: 'numbers.csv' })
    const { columns, rows } = await server.rows('numbers')
    assert.deepEqual(columns, [{ name: 'i', type: 'INTEGER' }, { name: 'r', type: 'REAL', scale: 2 }, { name: 'id', type: 'TEXT' }, { name: 'comma', type: 'TEXT' }])
    assert.deepEqual(rows, [[1, 1.5, '007', '1,5'], [null, 22.75, '8', ''], [-3, null, '9', '2,5']])
    assert.equal(await server.export('numbers'), 'i,r,id,comma\r\n1,1.50,007,"1,5"\r\n,22.75,8,\r\n-3,,9,"2,5"\r\n')
  })

  test('finds a free table name, and refuses one that is taken', async (t) => {
    const server = await TestServer.start(t)
    await server.import('a\n1\n', { filename: 'x.csv' })
    assert.equal((await server.import('a\n1\n', { filename: 'x.csv' })).table, 'x_2')
    const refused = await server.upload('a\n1\n', { options: { table: 'X' } })
    assert.equal(refused.status, 409)
    assert.equal(refused.body.code, 'TABLE_EXISTS')
  })

  test('makes usable column names and says which', async (t) => {
    const server = await TestServer.start(t)
    const record = await server.import('a,A,,_rowid_,"x""y"\n1,2,3,4,5\n', { filename: 'names.csv' })
    assert.deepEqual(record.columns?.map(({ name }) => name), ['a', 'A_2', 'column_3', '_rowid__2', 'x"y'])
    assert.equal(record.notices?.length, 3)
    assert.deepEqual((await server.rows('names')).rows, [[1, 2, 3, 4, 5]])
  })

  test('reads semicolons, tabs, other encodings and a header alone', async (t) => {
    const server = await TestServer.start(t)
    await server.import('a;b\n1;"x;y"\n2;z\n', { filename: 'semi.csv' })
    assert.deepEqual((await server.rows('semi')).rows, [[1, 'x;y'], [2, 'z']])
    await server.import('a\tb\r\n1\tx,y\r\n', { filename: 'tab.tsv' })
    assert.deepEqual((await server.rows('tab')).rows, [[1, 'x,y']])
    await server.import(new Uint8Array(Buffer.from('name\nMüller\n', 'latin1')), { filename: 'latin.csv' })
    assert.deepEqual((await server.rows('latin')).rows, [['Müller']])
    await server.import(new Uint8Array(Buffer.from('\ufeffname,n\nMüller,1\n', 'utf16le')), { filename: 'utf16.csv' })
    const { columns, rows, total } = await server.rows('utf16')
    assert.deepEqual({ columns, rows, total }, { columns: [{ name: 'name', type: 'TEXT' }, { name: 'n', type: 'INTEGER' }], rows: [['Müller', 1]], total: 1 })
    assert.equal((await server.import('only,header\n', { filename: 'head.csv' })).rowsRead, 0)
    assert.equal((await server.table('head')).rows, 0)
  })

  test('keeps NUL bytes, emoji and line breaks as they are', async (t) => {
    const server = await TestServer.start(t)
    const cells = ['a\0b', '👩‍🚀', 'x\r\ny', ' spaces ', '"', 'ﷺ']
    const csv = `v\n${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join('\n')}\n`
    await server.import(csv, { filename: 'odd.csv' })
    assert.deepEqual((await server.rows('odd')).rows.map(([cell]) => cell), cells)
  })

  test('takes 2,000 columns, and refuses more', async (t) => {
    const server = await TestServer.start(t)
    const wide = (columns: number): string => `${Array.from({ length: columns }, (_, index) => `c${index}`).join(',')}\n${Array.from({ length: columns }, (_, index) => index).join(',')}\n`
    await server.import(wide(2000), { filename: 'wide.csv' })
    const { rows, total } = await server.rows('wide', '?q=1999')
    assert.equal(total, 1)
    assert.deepEqual(rows[0], Array.from({ length: 2000 }, (_, index) => index))
    assert.deepEqual((await server.rows('wide', '?sort=-c5')).rows, rows)
    const record = await server.import(wide(2001), { filename: 'wider.csv' })
    assert.equal(record.error?.code, 'TOO_MANY_COLUMNS')
  })

  test('runs beside others; the rest wait their turn and say so', async (t) => {
    const server = await TestServer.start(t, { env: { MAX_RUNNING_IMPORTS: '1' } })
    const watcher = await server.connect()
    const csv = `a,b\n${'1,some text to read\n'.repeat(150_000)}`
    const ids = [newSessionId(), newSessionId(), newSessionId()]
    await Promise.all(ids.map((id) => watcher.join(id)))
    for (const sessionId of ids) assert.equal((await server.upload(csv, { sessionId })).status, 202)
    await watcher.until(({ payload }) => payload.metadata.queuePosition === 2)
    await Promise.all(ids.map((id) => watcher.end(id)))
    const history = (await server.get<ImportRecord[]>('/api/imports')).body
    assert.deepEqual(history.map(({ sessionId, status, rowsInserted }) => [sessionId, status, rowsInserted]), ids.toReversed().map((id) => [id, 'completed', 150_000]))
    await server.settled()
  })

  test('can be cancelled while it runs and leaves nothing', async (t) => {
    const server = await TestServer.start(t)
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await server.upload(`a,b\n${'1,some text to read\n'.repeat(1_500_000)}`, { sessionId, filename: 'long.csv' })
    await watcher.until(({ payload }) => payload.metadata.phase === 'import' && Number(payload.metadata.rowsDone) > 0)
    assert.equal((await server.request('POST', `/api/imports/${sessionId}/cancel`)).status, 202)
    const end = await watcher.end(sessionId)
    assert.equal(end.event, 'progress-error')
    assert.equal((end.payload.error as { code: string }).code, 'CANCELLED')
    assert.equal((await server.get('/api/tables/long')).status, 404)
    const again = await server.request<{ code: string }>('POST', `/api/imports/${sessionId}/cancel`)
    assert.deepEqual([again.status, again.body.code], [409, 'ALREADY_FINISHED'])
    assert.equal((await server.request<{ code: string }>('POST', `/api/imports/${newSessionId()}/cancel`)).body.code, 'SESSION_NOT_FOUND')
    assert.deepEqual(server.stagedFiles(), [])
    assert.deepEqual(server.openDatabase().prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '%staging%'`).all(), [])
  })
})
