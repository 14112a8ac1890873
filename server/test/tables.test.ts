import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { ImportRecord, Problem, RowsPage, TableInfo } from '../protocol.ts'
import { TestServer } from './support.ts'
import { suiteScope } from './suite.ts'

const CSV = 'name,score,amount,note\nadam,10,1.50,"100% sure"\nEva,9,22.75,\nzoe,,0.05,"a ""quote"", and\nmore"\n_under,-3,,%\n'

describe('tables', () => {
  const scope = suiteScope()
  let server: TestServer
  before(async () => {
    server = await TestServer.start(scope)
    await server.import(CSV, { filename: 'people.csv' })
  })
  const names = async (query: string): Promise<unknown[]> => (await server.rows('people', query)).rows.map(([name]) => name)

  test('are listed with their columns, rows and last import', async () => {
    const [table] = (await server.get<TableInfo[]>('/api/tables')).body
    const [imported] = (await server.get<ImportRecord[]>('/api/imports')).body
    assert.deepEqual(table, {
      name: 'people', rows: 4,
      columns: [{ name: 'name', type: 'TEXT' }, { name: 'score', type: 'INTEGER' }, { name: 'amount', type: 'REAL', scale: 2 }, { name: 'note', type: 'TEXT' }],
      lastImport: { sessionId: imported!.sessionId, number: 1, filename: 'people.csv', finishedAt: imported!.finishedAt },
    })
    assert.deepEqual((await server.get('/api/tables/PEOPLE')).body, table)
  })

  test('give their rows in the order of the file, page by page', async () => {
    assert.deepEqual(await names(''), ['adam', 'Eva', 'zoe', '_under'])
    assert.deepEqual(await names('?limit=2&offset=1'), ['Eva', 'zoe'])
    assert.deepEqual(await server.rows('people', '?limit=0'), { columns: (await server.table('people')).columns, rows: [], total: 4 } satisfies RowsPage)
  })

  test('are sorted by any column, numbers as numbers', async () => {
    assert.deepEqual(await names('?sort=score'), ['zoe', '_under', 'Eva', 'adam'])
    assert.deepEqual(await names('?sort=-amount'), ['Eva', 'adam', 'zoe', '_under'])
  })

  test('are sorted by columns whose names begin with a sign, either way', async () => {
    const order = async (table: string, sort: string): Promise<string> => (await server.rows(table, `?sort=${encodeURIComponent(sort)}`)).rows.map(([id]) => id).join('')
    await server.import('id,-a,+b\n1,2,3\n2,1,2\n3,3,1\n', { filename: 'signs.csv' })
    assert.deepEqual(await Promise.all(['-a', '--a', '+-a', '+b', '-+b', '++b', '+id', '-id'].map((sort) => order('signs', sort))), ['213', '312', '213', '321', '123', '321', '123', '321'])
    await server.import('id,a,-a\n1,2,9\n2,1,8\n3,3,7\n', { filename: 'both.csv' })
    assert.deepEqual(await Promise.all(['a', '-a', '+-a', '--a'].map((sort) => order('both', sort))), ['213', '312', '321', '123'])
    for (const sort of ['-none', '+none', '+', '-']) assert.equal((await server.get<Problem>(`/api/tables/both/rows?sort=${encodeURIComponent(sort)}`)).body.code, 'BAD_QUERY', sort)
    for (const table of ['signs', 'both']) await server.request('DELETE', `/api/tables/${table}`)
  })

  test('are searched for text in any column as people see it, wildcards taken literally', async () => {
    assert.deepEqual(await names('?q=eVA'), ['Eva'])
    assert.deepEqual(await names('?q=1.50'), ['adam'])
    assert.deepEqual(await names(`?q=${encodeURIComponent('%')}`), ['adam', '_under'])
    assert.deepEqual(await names('?q=_'), ['_under'])
    assert.equal((await server.rows('people', '?q=nothing')).total, 0)
  })

  test('are searched and filtered for a NUL as for any other character', async () => {
    await server.import('id,b\n1,x\n2,A\0b\n3,\n4,%\n5,ab\n', { filename: 'nul.csv' })
    server.openDatabase().exec('CREATE TABLE nul_foreign (id, b); INSERT INTO nul_foreign VALUES (1, x\'00\'), (2, \'a\' || char(0) || \'B\'), (3, NULL), (4, 5)')
    for (const table of ['nul', 'nul_foreign']) {
      const found = async (query: string): Promise<unknown[]> => (await server.rows(table, query)).rows.map(([id]) => id)
      for (const text of ['%00', 'a%00', '%00b', 'A%00B']) {
        assert.deepEqual(await found(`?filter[b]=contains:${text}`), [2], text)
        assert.deepEqual(await found(`?q=${text}`), [2], text)
      }
      for (const text of ['%00%00', 'b%00', '%25%00', 'x%00']) {
        assert.deepEqual(await found(`?filter[b]=contains:${text}`), [], text)
        assert.deepEqual(await found(`?q=${text}`), [], text)
      }
      await server.request('DELETE', `/api/tables/${table}`)
    }
  })

  test('are filtered by every operator', async () => {
    const filter = (column: string, value: string): Promise<unknown[]> => names(`?filter[${column}]=${encodeURIComponent(value)}`)
    assert.deepEqual(await filter('score', 'eq:10'), ['adam'])
    assert.deepEqual(await filter('score', 'ne:10'), ['Eva', 'zoe', '_under'])
    assert.deepEqual(await filter('score', 'lt:9'), ['_under'])
    assert.deepEqual(await filter('score', 'lte:9'), ['Eva', '_under'])
    assert.deepEqual(await filter('amount', 'gt:1.5'), ['Eva'])
    assert.deepEqual(await filter('amount', 'gte:1.5'), ['adam', 'Eva'])
    assert.deepEqual(await filter('note', 'contains:AND'), ['zoe'])
    assert.deepEqual(await filter('note', 'empty'), ['Eva'])
    assert.deepEqual(await filter('score', 'empty:'), ['zoe'])
    assert.deepEqual(await filter('score', 'notempty'), ['adam', 'Eva', '_under'])
    assert.deepEqual(await names('?filter[score]=gt:0&filter[name]=eq:Eva&sort=name'), ['Eva'])
  })

  test('are exported as they came, as they are selected', async () => {
    assert.equal(await server.export('people'), CSV.replace('"100% sure"', '100% sure').replaceAll(/\n(?!more)/g, '\r\n'))
    assert.equal(await server.export('people', '?sort=-score&filter[score]=gt:0'), 'name,score,amount,note\r\nadam,10,1.50,100% sure\r\nEva,9,22.75,\r\n')
    assert.deepEqual(JSON.parse(await server.export('people', '?format=ndjson&q=adam')), { name: 'adam', score: 10, amount: 1.5, note: '100% sure' })
    const { body, headers } = await server.get<unknown[]>('/api/tables/people/export?format=json')
    assert.equal(body.length, 4)
    assert.match(headers.get('content-disposition')!, /^attachment; filename="?people\.json"?$/)
  })

  test('are exported for spreadsheets with what those would run as text, in a file that says so', async () => {
    const csv = '=name,amount,note\n=1+1,-1.50,-5\n@x,2.25,"\t=1,""2"""\n'
    const { table } = await server.import(csv, { filename: 'ledger.csv' })
    assert.equal(await server.export(table), csv.replaceAll('\n', '\r\n'))
    const { body, headers } = await server.get(`/api/tables/${table}/export?formulas=text`)
    assert.equal(body, '\'=name,amount,note\r\n\'=1+1,-1.50,-5\r\n\'@x,2.25,"\'\t=1,""2"""\r\n')
    assert.match(headers.get('content-disposition')!, /^attachment; filename="?ledger-formulas-as-text\.csv"?$/)
    // What reads the answer leaves the byte-order mark out.
    assert.equal(await server.export(table, '?format=excel&formulas=text&column=amount'), 'amount\r\n-1.50\r\n2.25\r\n')
    const queried = await server.send('POST', '/api/query/export?formulas=text', { sql: 'SELECT \'=1\' AS "+a"' })
    assert.equal(queried.body, '\'+a\r\n\'=1\r\n')
    assert.match(queried.headers.get('content-disposition')!, /query-formulas-as-text\.csv/)
    await server.request('DELETE', `/api/tables/${table}`)
  })

  test('answer a question that makes no sense with a problem', async () => {
    for (const query of ['?sort=none', '?filter[none]=eq:1', '?filter[name]=like:x', '?limit=-1', '?limit=5000', '?offset=x', `?${'filter[name]=ne:x&'.repeat(101)}`]) {
      const { status, body } = await server.get<Problem>(`/api/tables/people/rows${query}`)
      assert.deepEqual([status, body.code], [400, 'BAD_QUERY'], query)
    }
    const { status, body } = await server.get<Problem>('/api/tables/people/export?sort=none')
    assert.deepEqual([status, body.code], [400, 'BAD_QUERY'])
    for (const query of ['?format=xls', '?formulas=run', '?format=json&formulas=text', '?format=csv&format=csv']) {
      assert.equal((await server.get<Problem>(`/api/tables/people/export${query}`)).body.code, 'BAD_QUERY', query)
    }
  })

  test('of other programs are read too, exactly', async () => {
    const db = server.openDatabase()
    db.exec(`CREATE TABLE foreign_one (id INTEGER PRIMARY KEY, big INT, data BLOB, price DECIMAL(5,2)) WITHOUT ROWID;
      INSERT INTO foreign_one VALUES (1, 9223372036854775807, x'00ff', 1.5)`)
    const { rows, total } = await server.rows('foreign_one')
    assert.deepEqual([rows, total], [[[1, '9223372036854775807', '0x00ff', 1.5]], 1])
  })

  test('are deleted for good', async () => {
    await server.import('a\n1\n', { filename: 'gone.csv' })
    assert.equal((await server.request('DELETE', '/api/tables/gone')).status, 204)
    assert.equal((await server.get<Problem>('/api/tables/gone/rows')).body.code, 'TABLE_NOT_FOUND')
    assert.equal((await server.request<Problem>('DELETE', '/api/tables/gone')).body.code, 'TABLE_NOT_FOUND')
    assert.equal((await server.request<Problem>('DELETE', '/api/tables/_hextrackr_imports')).body.code, 'TABLE_NOT_FOUND')
    assert.equal((await server.import('a\n1\n', { filename: 'gone.csv' })).table, 'gone')
  })

  test('are renamed in nothing but the case of their letters too, with what refers to them', async () => {
    await server.import('a\n1\n', { filename: 'assets.csv' })
    const db = server.openDatabase()
    db.exec('CREATE VIEW v_of_assets AS SELECT a FROM assets')
    const { status, body } = await server.send<TableInfo>('PATCH', '/api/tables/assets', { name: 'Assets' })
    assert.deepEqual([status, body.name, body.rows, body.lastImport?.filename], [200, 'Assets', 1, 'assets.csv'])
    assert.deepEqual(db.prepare('SELECT a FROM v_of_assets').raw(true).all(), [[1]])
    assert.deepEqual((await server.get<TableInfo[]>('/api/tables')).body.map(({ name }) => name).filter((name) => /assets/i.test(name)), ['Assets'])
  })

  test('cannot be renamed where SQLite cannot follow, and it is said what is in the way', async () => {
    await server.import('a\n1\n', { filename: 'viewed.csv' })
    server.openDatabase().exec('CREATE VIEW broken_view AS SELECT a FROM viewed')
    assert.equal((await server.request('DELETE', '/api/tables/viewed')).status, 204)
    const { status, body } = await server.send<Problem>('PATCH', '/api/tables/people', { name: 'persons' })
    assert.deepEqual([status, body.code], [409, 'TABLE_IN_USE'])
    assert.match(body.detail, /error in view broken_view/)
    server.openDatabase().exec('DROP VIEW broken_view')
  })

  test('know columns of dates and truth values, and sort and compare dates as such', async () => {
    await server.import('due,paid,seen,when\n31.1.2024,yes,2024-01-31,1/2/2024\n,no,,3/4/2024\n02.12.2023 08:15,no,2023-12-02T08:15:00Z,5/6/2024\n02.12.2023,yes,2024-06-01,7/8/2024\n', { filename: 'bills.csv' })
    assert.deepEqual((await server.table('bills')).columns.map(({ content }) => content), ['date-dmy', 'boolean', 'date-ymd', undefined])
    const due = async (query: string): Promise<unknown[]> => (await server.rows('bills', query)).rows.map(([cell]) => cell)
    assert.deepEqual(await due('?sort=due'), ['', '02.12.2023', '02.12.2023 08:15', '31.1.2024'])
    assert.deepEqual(await due('?sort=-due'), ['31.1.2024', '02.12.2023 08:15', '02.12.2023', ''])
    assert.deepEqual(await due('?sort=due&filter[due]=lte:2.12.2023 08:15'), ['02.12.2023', '02.12.2023 08:15'])
    assert.deepEqual(await due('?filter[due]=gt:1.1.2024'), ['31.1.2024'])
    const json = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ column: 'due' }) }
    assert.deepEqual((await server.request<TableInfo>('POST', '/api/tables/bills/indexes', json)).body.indexed, ['due'])
    assert.deepEqual(await due('?sort=due&filter[due]=lte:2.12.2023 08:15'), ['02.12.2023', '02.12.2023 08:15'])
    assert.deepEqual(await due('?sort=-due&limit=3'), ['31.1.2024', '02.12.2023 08:15', '02.12.2023'])
    assert.deepEqual(await due('?filter[due]=eq:31.1.2024'), ['31.1.2024'])
    // Rows of which one is no date make a column of texts again.
    await server.import('due\nsoon\n', { filename: 'bills.csv', options: { mode: 'append' } })
    assert.deepEqual((await server.table('bills')).columns.map(({ content }) => content), [undefined, 'boolean', 'date-ymd', undefined])
    await server.request('DELETE', '/api/tables/bills')
  })
})
