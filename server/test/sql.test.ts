import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import type { Problem, QueryResult } from '../protocol.ts'
import { temporaryFolder, TestServer, type Answer } from './support.ts'
import { suiteScope } from './suite.ts'

const CSV = 'name,score,amount\nadam,10,1.50\nEva,9,22.75\nzoe,,0.05\n'

const FOREVER = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'

type QueryAnswer = Answer<QueryResult & Problem>

const query = (server: TestServer, sql: string, limit?: number): Promise<QueryAnswer> => server.send('POST', '/api/query', { sql, ...(limit && { limit }) })

/** Where processes are looked at through /proc. */
const onLinux = { skip: process.platform !== 'linux' }

/** Processes that work for a server: those of queries, since imports have threads. */
const childrenOf = (server: TestServer): string => readFileSync(`/proc/${server.process.pid}/task/${server.process.pid}/children`, 'utf8').trim()

async function untilNoChild(server: TestServer): Promise<void> {
  while (childrenOf(server) !== '') await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('a query', () => {
  const scope = suiteScope()
  let server: TestServer
  before(async () => {
    server = await TestServer.start(scope)
    await server.import(CSV, { filename: 'people.csv' })
  })
  const refusal = async (sql: string): Promise<string> => {
    const { status, body } = await query(server, sql)
    return `${status} ${body.code}: ${body.detail}`
  }

  test('gives the rows of a statement, its columns as the table has them', async () => {
    const { status, body } = await query(server, 'SELECT name, amount, score * 2 AS twice, NULL AS missing FROM people ORDER BY amount DESC')
    assert.equal(status, 200)
    assert.deepEqual(body.columns, [{ name: 'name', type: 'TEXT' }, { name: 'amount', type: 'REAL', scale: 2 }, { name: 'twice', type: 'INTEGER' }, { name: 'missing', type: 'TEXT' }])
    assert.deepEqual(body.rows, [['Eva', 22.75, 18, null], ['adam', 1.5, 20, null], ['zoe', 0.05, null, null]])
    assert.equal(body.cutBy, undefined)
    assert.ok(Number.isInteger(body.durationMs))
  })

  test('gives every value exactly: integers beyond JavaScript\'s, BLOBs, infinities, more digits than the column has', async () => {
    const { body } = await query(server, 'SELECT 9223372036854775807, x\'00ff\', 1e999, -1e999, \'\', 0.1')
    assert.deepEqual(body.rows, [['9223372036854775807', '0x00ff', 'Inf', '-Inf', '', 0.1]])
    assert.deepEqual(body.columns.map(({ type }) => type), ['INTEGER', 'TEXT', 'REAL', 'REAL', 'TEXT', 'REAL'])
    const union = 'SELECT amount FROM people WHERE name = \'adam\' UNION ALL SELECT 3.14159'
    assert.deepEqual((await query(server, union)).body.columns, [{ name: 'amount', type: 'REAL' }])
    assert.equal((await server.send('POST', '/api/query/export', { sql: union })).body, 'amount\r\n1.50\r\n3.14159\r\n')
  })

  test('names columns of the same name apart, so that no format loses one', async () => {
    const sql = 'SELECT 1 AS a, 2 AS a, \'é\' AS "x\"\"y"'
    assert.deepEqual((await query(server, sql)).body.columns.map(({ name }) => name), ['a', 'a_2', 'x"y'])
    assert.equal((await server.send('POST', '/api/query/export?format=ndjson', { sql })).body, '{"a":1,"a_2":2,"x\\"y":"é"}\n')
  })

  test('ends at its limit, and says so', async () => {
    const { body } = await query(server, 'SELECT value FROM json_each(\'[1,2,3]\')', 2)
    assert.deepEqual([body.rows, body.cutBy], [[[1], [2]], 'rows'])
    assert.equal((await query(server, 'SELECT value FROM json_each(\'[1,2,3]\')', 3)).body.cutBy, undefined)
    const wide = (await query(server, 'WITH n(i) AS (VALUES (1), (2), (3), (4)) SELECT hex(zeroblob(1500000)) FROM n')).body
    assert.deepEqual([wide.rows.length, wide.cutBy], [2, 'size'])
    assert.match(await refusal('SELECT hex(zeroblob(5000000))'), /^422 QUERY_TOO_LARGE: The first row alone is larger than 8 MB\./)
    for (const limit of [0, 10_001, 1.5, '5', null]) assert.equal((await server.send<Problem>('POST', '/api/query', { sql: 'SELECT 1', limit })).body.code, 'BAD_BODY')
  })

  test('that SQLite does not take is answered with what SQLite says', async () => {
    assert.equal(await refusal('SELECT * FORM people'), '400 BAD_SQL: near "FORM": syntax error.')
    assert.equal(await refusal('SELECT * FROM nobody'), '400 BAD_SQL: no such table: nobody.')
    assert.equal(await refusal('SELECT abs(-9223372036854775807 - 1)'), '400 BAD_SQL: integer overflow.')
    for (const limit of ['\'x\'', '1.5', 'NULL']) assert.equal(await refusal(`SELECT * FROM people LIMIT ${limit}`), '400 BAD_SQL: datatype mismatch.')
    assert.match(await refusal(' -- nothing'), /^400 BAD_SQL: .*no statements\.$/)
    assert.match(await refusal('SELECT 1; SELECT 2'), /^400 BAD_SQL: .*more than one statement\.$/)
    for (const sql of ['SELECT ?', 'SELECT ?1', 'SELECT :name', 'SELECT @a, $b']) assert.match(await refusal(sql), /^400 BAD_SQL: The statement has parameters/)
    assert.equal((await server.send<Problem>('POST', '/api/query', { sql: 1 })).body.code, 'BAD_BODY')
    assert.equal((await server.send<Problem>('POST', '/api/query', undefined)).body.code, 'BAD_BODY')
  })

  test('may look at the plan and at the schema', async () => {
    assert.match(JSON.stringify((await query(server, 'EXPLAIN QUERY PLAN SELECT * FROM people')).body.rows), /SCAN people/)
    assert.deepEqual((await query(server, 'PRAGMA table_info(people)')).body.rows.map((row) => row[1]), ['name', 'score', 'amount'])
    assert.deepEqual((await query(server, 'SELECT filename FROM _hextrackr_imports')).body.rows, [['people.csv']])
  })

  test('is exported whole, in every format', async () => {
    const rows = await server.send<string>('POST', '/api/query/export', { sql: 'SELECT * FROM people' })
    assert.equal(rows.body, CSV.replaceAll('\n', '\r\n'))
    assert.match(rows.headers.get('content-disposition') ?? '', /^attachment; filename=query\.csv$/)
    const many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n'
    const lines = (await server.send<string>('POST', '/api/query/export?format=ndjson', { sql: many })).body.trimEnd().split('\n')
    assert.deepEqual([lines.length, lines.at(-1)], [300_000, '{"i":300000}'])
    assert.deepEqual((await server.send('POST', '/api/query/export?format=json', { sql: 'SELECT 1 AS a' })).body, [{ a: 1 }])
    assert.equal((await server.send<Problem>('POST', '/api/query/export?format=xml', { sql: 'SELECT 1' })).body.code, 'BAD_QUERY')
    assert.equal((await server.send<Problem>('POST', '/api/query/export', { sql: 'SELECT * FROM nobody' })).body.code, 'BAD_SQL')
  })
})

describe('a query that would do more than read', () => {
  const scope = suiteScope()
  let server: TestServer
  let folder: string
  before(async () => {
    folder = temporaryFolder(scope)
    server = await TestServer.start(scope)
    await server.import(CSV, { filename: 'people.csv' })
    const other = new Database(join(folder, 'other.db'))
    other.exec('CREATE TABLE secret (word); INSERT INTO secret VALUES (\'hidden\')')
    other.close()
  })
  const at = (name: string): string => join(folder, name)
  /** All that could be different afterwards. */
  const state = (): unknown => {
    const db = server.openDatabase({ readonly: true })
    const settings = ['user_version', 'application_id', 'schema_version', 'journal_mode', 'page_count', 'auto_vacuum', 'encoding'].map((name) => db.pragma(name))
    return [settings, db.prepare('SELECT * FROM people').all(), db.prepare('SELECT name, sql FROM sqlite_schema').all(), readdirSync(folder), statSync(at('other.db')).mtimeMs, readdirSync(server.dataDir)]
  }

  const statements = (): Record<string, string[]> => ({
    'changes rows': [
      'INSERT INTO people VALUES (1, 2, 3)', 'INSERT INTO people VALUES (1, 2, 3) RETURNING *', 'UPDATE people SET score = 0 RETURNING name', 'DELETE FROM people RETURNING *',
      'WITH x AS (SELECT 1) INSERT INTO people SELECT 1, 2, 3 RETURNING *', 'REPLACE INTO people VALUES (1, 2, 3) RETURNING 1',
    ],
    'changes the schema': ['CREATE TABLE t (a)', 'CREATE TABLE t AS SELECT 1', 'DROP TABLE people', 'ALTER TABLE people RENAME TO persons', 'CREATE INDEX i ON people (name)', 'CREATE VIEW v AS SELECT 1', 'REINDEX', 'ANALYZE'],
    'makes temporary tables': ['CREATE TEMP TABLE t AS SELECT 1', 'CREATE TEMP VIEW v AS SELECT 1', 'CREATE VIRTUAL TABLE temp.f USING fts5(a)'],
    'opens another file': [`ATTACH '${at('other.db')}' AS o`, `ATTACH '${at('new.db')}' AS o`, `ATTACH 'file:${at('new.db')}?mode=rwc' AS o`, 'ATTACH \':memory:\' AS o', 'DETACH main'],
    'writes another file': [`VACUUM INTO '${at('copy.db')}'`, 'VACUUM'],
    'begins a transaction': ['BEGIN', 'BEGIN IMMEDIATE', 'BEGIN EXCLUSIVE', 'COMMIT', 'SAVEPOINT s'],
    'changes a setting': [
      'PRAGMA query_only = OFF', 'PRAGMA writable_schema = ON', 'PRAGMA user_version = 9', 'PRAGMA application_id = 9', 'PRAGMA schema_version = 9', 'PRAGMA journal_mode = DELETE',
      'PRAGMA wal_checkpoint(TRUNCATE)', 'PRAGMA temp_store = FILE', `PRAGMA temp_store_directory = '/tmp'`, 'PRAGMA incremental_vacuum(1)', 'PRAGMA foreign_keys = OFF', 'PRAGMA auto_vacuum = 1', `PRAGMA encoding = 'UTF-16'`,
    ],
  })
  for (const kind of ['changes rows', 'changes the schema', 'makes temporary tables', 'opens another file', 'writes another file', 'begins a transaction', 'changes a setting']) {
    test(`is refused before anything of it runs: it ${kind}`, async () => {
      const before = state()
      for (const sql of statements()[kind]!) {
        const { status, body } = await query(server, sql)
        assert.deepEqual([sql, status, body.code], [sql, 403, 'READ_ONLY'])
      }
      assert.deepEqual(state(), before)
    })
  }

  test('by settings that SQLite lets a reader make, changes nothing that outlives it', async () => {
    const before = state()
    for (const name of ['locking_mode = EXCLUSIVE', 'secure_delete = ON', 'max_page_count = 1', 'journal_size_limit = 0', 'optimize', 'mmap_size = 1000000', 'hard_heap_limit = 1', 'threads = 8']) {
      await query(server, `PRAGMA ${name}`)
    }
    assert.deepEqual(state(), before)
    await server.import('a\n1\n', { filename: 'after.csv' })
    assert.equal((await server.table('after')).rows, 1)
  })

  test('finds no function that reads or writes files or loads code', async () => {
    for (const call of ['readfile(\'/etc/hostname\')', `writefile('${at('new.txt')}', 'x')`, 'edit(\'x\')', 'zipfile(1, 2)', 'load_extension(\'/tmp/x.so\')']) {
      assert.notEqual((await query(server, `SELECT ${call}`)).status, 200, call)
    }
    assert.ok(!readdirSync(folder).includes('new.txt'))
    assert.equal((await query(server, 'SELECT readfile(\'/etc/hostname\')')).body.detail, 'no such function: readfile.')
    assert.equal((await query(server, 'SELECT load_extension(\'/tmp/x.so\')')).body.detail, 'not authorized.')
    assert.equal((await query(server, `SELECT * FROM "${at('other.db')}".secret`)).body.code, 'BAD_SQL')
    assert.equal((await query(server, 'SELECT * FROM csv(\'/etc/hostname\')')).body.code, 'BAD_SQL')
  })
})

describe('a query without end', onLinux, () => {
  test('is stopped when its time is up, while the server answers everybody else', async (t) => {
    const server = await TestServer.start(t, { env: { QUERY_TIMEOUT_MS: '1500' } })
    await server.import(CSV, { filename: 'people.csv' })
    const endless = [query(server, FOREVER), query(server, 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0')]
    while (childrenOf(server).split(' ').length < 2) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal((await query(server, 'SELECT 1')).body.code, 'TOO_MANY_QUERIES')
    assert.equal((await server.rows('people')).total, 3)
    assert.equal((await server.import('a\n1\n', { filename: 'meanwhile.csv' })).status, 'completed')
    for (const { status, body } of await Promise.all(endless)) {
      assert.deepEqual([status, body.code, body.detail], [422, 'QUERY_TIMEOUT', 'It was stopped after 1.5 s. Narrow it with WHERE, or count and group less.'])
    }
    assert.equal((await server.send<Problem>('POST', '/api/query/export', { sql: FOREVER })).body.code, 'QUERY_TIMEOUT')
    await untilNoChild(server)
    assert.equal((await query(server, 'SELECT 1')).status, 200)
  })

  test('ends when whoever asked has gone, exports too', async (t) => {
    const server = await TestServer.start(t)
    for (const path of ['/api/query', '/api/query/export']) {
      const gone = new AbortController()
      const asked = server.request('POST', path, { body: JSON.stringify({ sql: FOREVER }), headers: { 'content-type': 'application/json' }, signal: gone.signal })
      while (childrenOf(server) === '') await new Promise((resolve) => setTimeout(resolve, 10))
      gone.abort()
      await assert.rejects(asked, { name: 'AbortError' })
      await untilNoChild(server)
    }
  })

  test('ends with the server, however that ends', async (t) => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const server = await TestServer.start(t)
      const asked = query(server, FOREVER).catch(() => undefined)
      while (childrenOf(server) === '') await new Promise((resolve) => setTimeout(resolve, 10))
      const child = Number(childrenOf(server))
      await server.kill(signal)
      await asked
      while (isAlive(child)) await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })
})

test('a query that wants all memory is stopped, and the server\'s own stays as it was', onLinux, async (t) => {
  const server = await TestServer.start(t, { env: { MAX_QUERY_MEMORY_BYTES: '192M' } })
  const hostile = [
    `SELECT ${Array.from({ length: 50 }, () => 'length(randomblob(100000000))').join(' + ')}, randomblob(400000000), randomblob(400000000)`,
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT group_concat(hex(randomblob(1000))) FROM n',
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n ORDER BY randomblob(100)',
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT DISTINCT hex(randomblob(50)) AS r FROM n GROUP BY r',
    'SELECT printf(\'%.*c\', 400000000, \'x\') || printf(\'%.*c\', 100000000, \'y\')',
  ]
  for (const sql of hostile) {
    const { status, body } = await query(server, sql)
    assert.deepEqual([sql, status, body.code], [sql, 422, 'QUERY_TOO_LARGE'])
  }
  const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.process.pid}/status`, 'utf8'))![1])
  assert.ok(peakKb < 400_000, `the server took ${peakKb} kB`)
  assert.equal((await query(server, 'SELECT 1')).status, 200)
})

/** Whether a process is there and no zombie. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
