import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import { before, describe, test } from 'node:test'
import type { ColumnSummary, ExportEnd, Problem, RowsPageSoFar, TableInfo } from '../protocol.ts'
import { newSessionId, TestServer } from './support.ts'
import { suiteScope } from './suite.ts'

const ROWS = 3_000

/** Owners come in turns, scores have gaps. */
const csv = (rows: number, from = 1): string => `id,owner,score\n${Array.from({ length: rows }, (_, index) => {
  const id = from + index
  return `${id},${['ann', 'bob', ''][id % 3]!},${id % 5 === 0 ? '' : (id * 7919) % 1000}\n`
}).join('')}`

const INDEX = { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ column: 'score' }) }

describe('a large table', () => {
  const scope = suiteScope()
  let server: TestServer
  before(async () => {
    server = await TestServer.start(scope)
    await server.import(csv(ROWS), { filename: 'large.csv' })
  })

  const page = async (query: string): Promise<RowsPageSoFar> => (await server.get<RowsPageSoFar>(`/api/tables/large/rows${query}`)).body

  test('is counted apart from its page, and the count is remembered with it', async () => {
    const filtered = '?filter[owner]=eq:bob&limit=2'
    assert.equal((await page(`${filtered}&count=later`)).total, null)
    assert.deepEqual((await server.get('/api/tables/large/count?filter[owner]=eq:bob')).body, { total: 1000 })
    assert.equal((await page(`${filtered}&count=later`)).total, 1000)
    assert.equal((await page('?count=later')).total, ROWS)
    await server.import(csv(2, ROWS + 1), { options: { table: 'large', mode: 'append' } })
    assert.equal((await page(`${filtered}&count=later`)).total, null, 'the table is another one now')
    const { sessionId } = (await server.get<{ sessionId: string }[]>('/api/imports')).body[0]!
    assert.equal((await server.request('POST', `/api/imports/${sessionId}/undo`)).status, 200)
    assert.deepEqual((await server.get('/api/tables/large/count?filter[owner]=eq:bob')).body, { total: 1000 })
  })

  test('is paged by cursors', async () => {
    const first = await page('?sort=-score&limit=10')
    const second = await page(`?sort=-score&limit=10&after=${first.cursors!.last}`)
    assert.deepEqual(second.rows, (await page('?sort=-score&limit=10&offset=10')).rows)
    assert.deepEqual((await page(`?sort=-score&limit=10&before=${second.cursors!.first}`)).rows, first.rows)
    assert.equal((await server.get<Problem>('/api/tables/large/rows?after=nonsense')).body.code, 'BAD_QUERY')
  })

  test('has its columns summed up, of the rows that match', async () => {
    const { body } = await server.get<ColumnSummary>('/api/tables/large/columns/score/summary?filter[owner]=eq:ann&filter[id]=lte:30')
    assert.deepEqual([body.rows, body.nulls, body.rowsRead, body.isDistinctExact], [10, 2, 10, true])
    assert.equal(body.histogram!.counts.reduce((sum, count) => sum + count), 8)
    const owners = (await server.get<ColumnSummary>('/api/tables/large/columns/owner/summary')).body
    assert.deepEqual(owners.top, [{ value: 'bob', rows: 1000 }, { value: 'ann', rows: 1000 }])
    assert.deepEqual([owners.blanks, owners.distinct], [1000, 2])
    assert.equal((await server.get<Problem>('/api/tables/large/columns/none/summary')).body.code, 'BAD_QUERY')
  })

  test('is filtered by any of several values', async () => {
    const wanted = encodeURIComponent(JSON.stringify(['7919', '919', null]))
    assert.equal((await page(`?filter[score]=in:${wanted}&limit=0`)).total, ROWS / 5 + (await page('?filter[score]=eq:919&limit=0')).total!)
    assert.equal((await server.get<Problem>('/api/tables/large/rows?filter[score]=in:[1]')).body.code, 'BAD_QUERY')
  })

  test('is searched in its dates as well, for what a date may hold', async () => {
    await server.import('day,at,note\n2026-03-17,17.03.2026 08:15,Tiger\n2026-04-18,18.04.2026 09:30,none\n', { filename: 'dated.csv' })
    const found = async (search: string): Promise<number> => (await server.rows('dated', `?q=${encodeURIComponent(search)}`)).rows.length
    assert.deepEqual([await found('2026-0'), await found('03.2026 08:'), await found('t'), await found('one'), await found('/')], [2, 1, 1, 1, 0])
  })

  test('is exported with the columns that are wanted, for Excel too', async () => {
    assert.equal(await server.export('large', '?column=score&column=id&filter[id]=lt:3'), 'id,score\r\n1,919\r\n2,838\r\n')
    const { headers } = await server.get('/api/tables/large/export?format=excel')
    assert.match(headers.get('content-disposition')!, /filename="?large\.csv"?$/)
    const bytes = new Uint8Array(await (await fetch(`${server.url}/api/tables/large/export?format=excel&filter[id]=lt:1`)).arrayBuffer())
    assert.deepEqual(bytes, new Uint8Array([0xef, 0xbb, 0xbf, ...Buffer.from('id,owner,score\r\n')]))
    assert.equal((await server.get<Problem>('/api/tables/large/export?column=none')).body.code, 'BAD_QUERY')
  })

  test('says how an export ended, to whoever asks before or after', async () => {
    const [done, refused, unread, stopped] = [newSessionId(), newSessionId(), newSessionId(), newSessionId()]
    const end = async (id: string): Promise<ExportEnd> => (await server.get<ExportEnd>(`/api/exports/${id}`)).body
    const asked = end(done)
    await server.export('large', `?id=${done}`)
    assert.deepEqual(await asked, { state: 'done' })
    assert.deepEqual(await end(done), { state: 'done' })
    await server.get(`/api/tables/large/export?id=${refused}&sort=none`)
    assert.deepEqual(await end(refused), { state: 'stopped', detail: 'The table "large" has no column called "none".' })
    const { body: { detail } } = await server.get<Problem>(`/api/tables/large/export?id=${unread}&format=none`)
    assert.deepEqual(await end(unread), { state: 'stopped', detail })
    await server.import(csv(200_000), { filename: 'larger.csv' })
    const request = get(`${server.url}/api/tables/larger/export?id=${stopped}`)
    const [response] = await once(request, 'response') as [import('node:http').IncomingMessage]
    response.destroy()
    assert.equal((await end(stopped)).state, 'stopped')
  })

  test('is exported for others, however many exports were given up before they had a byte', { timeout: 60_000 }, async () => {
    await server.import(csv(200_000), { filename: 'abandoned.csv' })
    const ids = Array.from({ length: 8 }, newSessionId)
    const requests = ids.map((id) => get(`${server.url}/api/tables/abandoned/export?id=${id}&sort=-owner`).on('error', () => undefined))
    await Promise.all(requests.map((request) => once(request, 'finish')))
    // Whatever was sent before this has been heard of.
    await server.get('/api/health')
    for (const request of requests) request.destroy()
    for (const id of ids) assert.equal((await server.get<ExportEnd>(`/api/exports/${id}`)).body.state, 'stopped')
    assert.equal((await server.export('abandoned', '?format=ndjson')).split('\n').length, 200_001)
  })
})

describe('an index', () => {
  const scope = suiteScope()
  let server: TestServer
  before(async () => {
    server = await TestServer.start(scope)
  })
  const build = (table: string): Promise<{ status: number, body: TableInfo & Problem }> => server.request<TableInfo & Problem>('POST', `/api/tables/${table}/indexes`, INDEX)

  test('is built, told, used and removed, and changes no answer', async () => {
    await server.import(csv(ROWS), { filename: 'told.csv' })
    const before = [await server.rows('told', '?sort=score&limit=1000'), await server.rows('told', '?sort=-score&offset=1500'), await server.rows('told', '?filter[score]=gt:500&sort=owner')]
    const exported = await server.export('told', '?sort=score')
    const { status, body } = await build('told')
    assert.deepEqual([status, body.indexed], [201, ['score']])
    assert.deepEqual((await build('told')).body.indexed, ['score'])
    assert.deepEqual([await server.rows('told', '?sort=score&limit=1000'), await server.rows('told', '?sort=-score&offset=1500'), await server.rows('told', '?filter[score]=gt:500&sort=owner')], before)
    assert.equal(await server.export('told', '?sort=score'), exported)
    assert.equal((await server.request('DELETE', '/api/tables/told/indexes/score')).status, 204)
    assert.equal((await server.table('told')).indexed, undefined)
  })

  test('is refused where there is nothing to build it over', async () => {
    assert.equal((await build('nowhere')).body.code, 'TABLE_NOT_FOUND')
    await server.import('a\n1\n', { filename: 'other.csv' })
    assert.equal((await build('other')).body.code, 'BAD_QUERY')
    assert.equal((await server.request<Problem>('POST', '/api/tables/other/indexes')).body.code, 'BAD_BODY')
  })

  test('goes with its table through every kind of import and undo, byte for byte', async () => {
    await server.import(csv(ROWS), { filename: 'kept.csv' })
    await build('kept')
    const original = await server.export('kept')
    const undo = async (sessionId: string): Promise<void> => {
      assert.equal((await server.request('POST', `/api/imports/${sessionId}/undo`)).status, 200)
      assert.equal(await server.export('kept'), original)
      assert.deepEqual((await server.table('kept')).indexed, ['score'])
      assert.equal(server.openDatabase({ readonly: true }).pragma('integrity_check', { simple: true }), 'ok')
    }
    const imports: [string, Record<string, unknown>][] = [
      [csv(10, ROWS + 1), { mode: 'append' }],
      [csv(500, ROWS - 100).replaceAll('bob', 'eve'), { mode: 'upsert', key: ['id'] }],
      ['id,owner,score\n1,word,none\n', { mode: 'append' }],
      ['id,owner\n1,only\n', { mode: 'replace' }],
    ]
    for (const [content, options] of imports) {
      const { sessionId, status } = await server.import(content, { options: { table: 'kept', ...options } })
      assert.equal(status, 'completed')
      await undo(sessionId)
    }
    await server.request('PATCH', '/api/tables/kept', { headers: INDEX.headers, body: JSON.stringify({ name: 'renamed' }) })
    assert.deepEqual((await server.table('renamed')).indexed, ['score'])
    assert.equal((await server.request('DELETE', '/api/tables/renamed')).status, 204)
    assert.deepEqual(server.openDatabase({ readonly: true }).prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '\\_hextrackr\\_index%' ESCAPE '\\'`).all(), [])
  })

  test('is built while an import runs, and neither loses anything', async () => {
    await server.import(csv(20_000), { filename: 'busy.csv' })
    const { body: { sessionId } } = await server.upload(csv(300_000), { filename: 'running.csv' })
    const watcher = await server.connect()
    await watcher.join(sessionId)
    await watcher.until(({ payload }) => payload.metadata.phase === 'import')
    const [{ status }, outcome] = await Promise.all([build('busy'), server.outcome(sessionId)])
    assert.deepEqual([status, outcome.status], [201, 'completed'])
    assert.equal((await server.table('running')).rows, 300_000)
    assert.deepEqual((await server.table('busy')).indexed, ['score'])
  })
})
