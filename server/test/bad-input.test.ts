import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { before, describe, test } from 'node:test'
import type { Problem } from '../protocol.ts'
import { newSessionId, TestServer, type Answer } from './support.ts'
import { suiteScope } from './suite.ts'

const PNG = new Uint8Array(Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex'))

function assertProblem(answer: Answer<unknown>, status: number, code: string): void {
  const problem = answer.body as Problem
  assert.deepEqual([answer.status, problem.code], [status, code], JSON.stringify(problem))
  assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  assert.deepEqual(Object.keys(problem).sort(), ['code', 'detail', 'status', 'title', 'type'])
  assert.equal(problem.status, status)
  assert.doesNotMatch(problem.detail, /\/(tmp|work|home)\/|at .*\.ts:|node_modules/)
}

describe('bad input', () => {
  let server: TestServer
  const scope = suiteScope()
  before(async () => {
    server = await TestServer.start(scope)
  })

  const form = (...fields: [string, string | Blob, string?][]): RequestInit => {
    const body = new FormData()
    for (const [name, value, filename] of fields) {
      if (typeof value === 'string') body.append(name, value)
      else body.append(name, value, filename ?? 'x.csv')
    }
    return { body }
  }
  const csv = new Blob(['a\n1\n'])

  test('is refused where there is no file', async () => {
    assertProblem(await server.request('POST', '/api/imports', form(['options', '{}'])), 400, 'NO_FILE')
    assertProblem(await server.request('POST', '/api/imports', form(['file', 'just a field'])), 400, 'NO_FILE')
  })

  test('is refused where the body is no form', async () => {
    assertProblem(await server.request('POST', '/api/imports', { body: '{}', headers: { 'content-type': 'application/json' } }), 400, 'BAD_MULTIPART')
    assertProblem(await server.request('POST', '/api/imports'), 400, 'BAD_MULTIPART')
    assertProblem(await server.request('POST', '/api/imports', { body: 'x', headers: { 'content-type': 'multipart/form-data' } }), 400, 'BAD_MULTIPART')
    assertProblem(await server.request('POST', '/api/imports', { body: '--b\r\nnonsense', headers: { 'content-type': 'multipart/form-data; boundary=b' } }), 400, 'BAD_MULTIPART')
    assertProblem(await server.request('POST', '/api/imports', form(['other', csv])), 400, 'BAD_MULTIPART')
    assertProblem(await server.request('POST', '/api/imports', form(['file', csv], ['file', csv])), 400, 'BAD_MULTIPART')
  })

  test('is refused where fields come after the file', async () => {
    const sessionId = newSessionId()
    assertProblem(await server.request('POST', '/api/imports', form(['file', csv], ['sessionId', sessionId])), 400, 'BAD_MULTIPART')
    assertProblem(await server.request('POST', '/api/imports', form(['file', csv], ['options', '{}'])), 400, 'BAD_MULTIPART')
    assertProblem(await server.get(`/api/progress/${sessionId}`), 404, 'SESSION_NOT_FOUND')
  })

  test('is refused where the options make no sense', async () => {
    for (const options of ['{', '[]', 'null', '1', '{"mode":"sideways"}', '{"delimiter":""}', '{"delimiter":"\\n"}', '{"header":"yes"}', '{"skipLines":-1}', '{"encoding":"klingon"}', '{"quote":"xx"}', '{"onRowError":"shrug"}']) {
      assertProblem(await server.upload('a\n1\n', { options }), 400, 'BAD_OPTIONS')
    }
  })

  test('is refused in few words, however long or deep what was given', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    for (const options of [`{"mode":${deep}}`, `{"encoding":${deep}}`, `{"quote":"${'x'.repeat(900_000)}"}`, `{"columns":{"${'x'.repeat(900_000)}":1}}`, `{"columns":${deep}}`, `{"key":${deep},"mode":"upsert"}`, deep]) {
      const answer = await server.upload('a\n1\n', { options })
      assertProblem(answer, 400, 'BAD_OPTIONS')
      assert.ok(answer.body.detail.length < 500)
    }
    const answer = await server.upload('a\n1\n', { options: `{"table":${deep}}` })
    assertProblem(answer, 400, 'BAD_TABLE_NAME')
    for (const table of [deep.slice(199_000, 201_000), `"${'x'.repeat(9_000)}"`]) {
      assertProblem(await server.request('PATCH', '/api/tables/none', { body: `{"name":${table}}`, headers: { 'content-type': 'application/json' } }), 400, 'BAD_TABLE_NAME')
    }
    const { error } = await server.import('a\n1\n', { options: { columns: { ['y'.repeat(900_000)]: { skip: true } } } })
    assert.equal(error?.code, 'BAD_OPTIONS')
    assert.ok(error.detail.length < 500)
  })

  test('is refused where the session id is no UUID or is in use', async () => {
    for (const sessionId of ['', 'x', '../../etc/passwd', '00000000-0000-0000-0000-000000000000']) {
      assertProblem(await server.upload('a\n1\n', { sessionId }), 400, 'BAD_OPTIONS')
    }
    const { sessionId } = await server.import('a\n1\n')
    assertProblem(await server.upload('a\n2\n', { sessionId }), 409, 'SESSION_EXISTS')
    assertProblem(await server.upload('a\n2\n', { sessionId: sessionId.toUpperCase() }), 409, 'SESSION_EXISTS')
  })

  test('is refused where a table name cannot be used, and odd ones that can are', async () => {
    for (const table of ['', ' ', 'a"b', 'a\'b', 'x; DROP TABLE y', 'x;', 'sqlite_x', 'SQLITE_y', '_hextrackr_imports', '_HexTrackr_z', 'a\nb', 'a\0b', '../x', 'a/b', 'a[b]', 'x'.repeat(121), 7, null, ['x']]) {
      assertProblem(await server.upload('a\n1\n', { options: { table } }), 400, 'BAD_TABLE_NAME')
    }
    for (const table of ['größe', '表', '👍 ok', 'select', 'table', 'Order By', '1st', 'a-b.c (2)']) {
      assert.equal((await server.import('a\n1\n', { options: { table } })).table, table)
      assert.deepEqual((await server.rows(table)).rows, [[1]])
    }
  })

  test('an empty file is refused', async () => {
    assertProblem(await server.upload(''), 422, 'EMPTY_FILE')
    assert.equal((await server.import('\n \n\n')).error?.code, 'EMPTY_FILE')
  })

  test('a picture named .csv is refused before it is stored', async () => {
    const sessionId = newSessionId()
    assertProblem(await server.upload(PNG, { filename: 'export.csv', sessionId }), 422, 'NOT_CSV')
    assert.equal((await server.outcome(sessionId)).error?.code, 'NOT_CSV')
    assertProblem(await server.upload(crypto.getRandomValues(new Uint8Array(60_000))), 422, 'NOT_CSV')
  })

  test('a single line of 30 MB ends as ROW_TOO_LARGE', async () => {
    const { error } = await server.import('x'.repeat(30 * 2 ** 20))
    assert.equal(error?.code, 'ROW_TOO_LARGE')
    assert.match(error.detail, /line 1 /)
  })

  test('rejected rows are counted by their reasons, the most frequent first', async () => {
    const { sessionId } = await server.import(`a,b\n${'1,2\n'.repeat(50)}x,y,z\n${'1,2,3,4\n'.repeat(3)}x,y,z\n`)
    assert.deepEqual((await server.record(sessionId)).rejectReasons, [
      { reason: 'it has 4 fields, the header has 2', count: 3, firstLine: 53 },
      { reason: 'it has 3 fields, the header has 2', count: 2, firstLine: 52 },
    ])
    assert.equal((await server.record((await server.import('a\n1\n')).sessionId)).rejectReasons, undefined)
  })

  test('bytes that are not in the encoding that was asked for are named by their line', async () => {
    const bytes = Buffer.concat([Buffer.from(`a\n${'ü\n'.repeat(200_000)}`), Buffer.from([0xff, 0x0a])])
    const { error } = await server.import(new Uint8Array(bytes), { options: { encoding: 'utf-8' } })
    assert.equal(error?.code, 'UNDECODABLE')
    assert.match(error.detail, /line 200002\b/)
  })

  test('bytes that are not UTF-8 cost their own row and no other', async () => {
    const record = await server.import(new Uint8Array(Buffer.concat([
      Buffer.from(`a,b\n${'ü,ë\n'.repeat(300_000)}x,`), Buffer.from([0xff]), Buffer.from('y\n\ufffd,kept\n'), Buffer.from([0xc3]), Buffer.from(',cut short\nlast,'), Buffer.from([0xe2, 0x82]),
    ])))
    assert.deepEqual([record.status, record.rowsRead, record.rowsInserted, record.rowsRejected], ['completed', 300_004, 300_001, 3])
    assert.deepEqual((await server.rows(record.table, '?offset=300000')).rows, [['\ufffd', 'kept']])
    const { body } = await server.get<string>(`/api/imports/${record.sessionId}/rejects`)
    assert.deepEqual(body.split('\n').slice(1), [300_002, 300_004, 300_005].map((line, index) =>
      `${line},it holds bytes that are not valid UTF-8,${['x,\ufffdy', '\ufffd,cut short', 'last,\ufffd'][index]!}`).concat(''))
  })

  test('no character is taken for bad bytes, beside such or not', async () => {
    // Of each plane the characters whose surrogates are the first and the last ones, and some at every 1,024th place.
    const characters = ['💀', '🢀', '𠂀', '\u{10000}', '\u{103ff}', '\u{10fc00}', '\u{10ffff}', '\ud7ff', '\ue000', '\ufdd0', '\ufffd']
    const rows = characters.map((character, index) => `${index},${character}${character}x`)
    const text = `n,text\n${rows.join('\n')}\n`
    const whole = await server.import(text, { options: { encoding: 'utf-8' } })
    assert.equal(whole.rowsRejected, 0)
    assert.equal(await server.export(whole.table), text.replaceAll('\n', '\r\n'))
    const withBad = await server.import(new Uint8Array(Buffer.concat([Buffer.from(text), Buffer.from([0x31, 0x2c, 0xff, 0x0a]), Buffer.from(`${rows.join('\n')}\n`)])))
    assert.deepEqual([withBad.rowsInserted, withBad.rowsRejected], [2 * rows.length, 1])
    assert.equal(await server.export(withBad.table), `n,text\n${rows.join('\n')}\n${rows.join('\n')}\n`.replaceAll('\n', '\r\n'))
  })

  test('bad bytes in the names of the columns leave nothing to go by', async () => {
    const { error } = await server.import(new Uint8Array(Buffer.concat([Buffer.from('naïve,caf'), Buffer.from([0xff]), Buffer.from('\né,1\n')])))
    assert.equal(error?.code, 'UNDECODABLE')
    // Found only when the file has ended, since the last byte could begin a character.
    assert.equal((await server.import(new Uint8Array([0x68, 0xdb, 0x80, 0xde]))).error?.code, 'UNDECODABLE')
  })

  test('a file that is ASCII for long is read in the encoding of what comes after', async () => {
    const record = await server.import(new Uint8Array(Buffer.concat([Buffer.from(`id,town\n${'1,Bern\n'.repeat(100_000)}`), Buffer.from('2,Zürich\n3,Orléans\n', 'latin1')])))
    assert.equal(record.dialect?.encoding, 'windows-1252')
    assert.deepEqual((await server.rows(record.table, '?offset=100000')).rows, [[2, 'Zürich'], [3, 'Orléans']])
  })

  test('a web page named .csv is refused as what it is', async () => {
    const answer = await server.upload('<!DOCTYPE html>\n<html><body>Please sign in</body></html>')
    assertProblem(answer, 422, 'NOT_CSV')
    assert.match((answer.body as Problem).detail, /web page/)
  })

  test('an upload that is cut off leaves its session as UPLOAD_LOST', async () => {
    const sessionId = newSessionId()
    const { port } = new URL(server.url)
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(`POST /api/imports HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n`)
    socket.write(`--b\r\nContent-Disposition: form-data; name="sessionId"\r\n\r\n${sessionId}\r\n`)
    socket.write(`--b\r\nContent-Disposition: form-data; name="file"; filename="cut.csv"\r\n\r\na,b\n1,2\n`)
    while ((await server.get(`/api/progress/${sessionId}`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10))
    socket.destroy()
    const { error } = await server.outcome(sessionId)
    assert.equal(error?.code, 'UPLOAD_LOST')
  })

  test('a request under another name or from another site is refused', async () => {
    const { port } = new URL(server.url)
    const ask = (headers: string): Promise<string> => new Promise((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(`GET /api/health HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`))
      let text = ''
      socket.on('data', (data) => (text += data.toString())).on('close', () => resolve(text))
    })
    assert.match(await ask('Host: evil.example'), /403[^]*FORBIDDEN_ORIGIN/)
    assert.match(await ask(`Host: 127.0.0.1:${port}\r\nOrigin: http://evil.example`), /403[^]*FORBIDDEN_ORIGIN/)
    assert.match(await ask(`Host: localhost:${port}\r\nOrigin: http://localhost:${port}`), /200 OK/)
  })

  test('what is not there is a problem, not a page', async () => {
    assertProblem(await server.get('/api/nothing'), 404, 'NOT_FOUND')
    assertProblem(await server.get('/api/tables/none'), 404, 'TABLE_NOT_FOUND')
    assertProblem(await server.get('/api/tables/_hextrackr_imports/rows'), 404, 'TABLE_NOT_FOUND')
    assertProblem(await server.get('/api/tables/sqlite_schema/export'), 404, 'TABLE_NOT_FOUND')
    assertProblem(await server.get(`/api/progress/${newSessionId()}`), 404, 'SESSION_NOT_FOUND')
    assertProblem(await server.get('/api/imports/nonsense'), 404, 'SESSION_NOT_FOUND')
    assertProblem(await server.get('/api/tables/%E0%A4%A'), 400, 'BAD_QUERY')
  })

  test('in a body that should be JSON is told as such, and not as a bad address', async () => {
    const routes = [['POST', '/api/query'], ['POST', '/api/query/export'], ['POST', '/api/backups'], ['POST', '/api/backups/none/restore'],
      ['POST', `/api/imports/${newSessionId()}/resume`], ['POST', '/api/tables/none/indexes'], ['PATCH', '/api/tables/none'], ['POST', '/api/session']] as const
    for (const [method, path] of routes) {
      for (const [body, type] of [['{', 'application/json'], ['nonsense', 'application/json'], ['{}', 'application/json; charset=latin-9']] as const) {
        assertProblem(await server.request(method, path, { body, headers: { 'content-type': type } }), 400, 'BAD_BODY')
      }
    }
    assertProblem(await server.request('POST', '/api/tables/none/indexes', { body: '{"column":7}', headers: { 'content-type': 'application/json' } }), 400, 'BAD_BODY')
    assertProblem(await server.request('POST', '/api/query', { body: `{"sql":"${' '.repeat(600_000)}"}`, headers: { 'content-type': 'application/json' } }), 413, 'BODY_TOO_LARGE')
  })

  test('in the name of a file leads nowhere', async () => {
    const files = () => readdirSync(server.dataDir, { recursive: true }).map(String).filter((name) => !/-(wal|shm)$/.test(name)).sort()
    const before = files()
    for (const filename of ['../../etc/passwd', '..\\..\\x.csv', '/etc/passwd', 'C:\\x.csv', 'a/../../b.csv', '%2e%2e%2fx', '....//x.csv', 'CON', '.hextrackr.db', 'hextrackr.db-wal', 'access.db', 'a\u202ecsv.exe', 'e\u0301.csv']) {
      const record = await server.import('a,b\n1,2\n1,2,3\n', { filename })
      assert.equal(record.status, 'completed', filename)
      assert.doesNotMatch(record.table, /[/\\:]|^\.+$/)
      assert.deepEqual((await server.rows(record.table)).rows, [[1, 2]])
      const disposition = (await server.get(`/api/imports/${record.sessionId}/rejects`)).headers.get('content-disposition')!
      assert.doesNotMatch(disposition, /[/\\:]/)
    }
    await server.settled()
    assert.deepEqual(files(), before)
  })

  test('that is called as what every object has is a name like any other', async () => {
    const header = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    for (const options of ['{"__proto__":{"table":"polluted","mode":"replace"},"constructor":{"prototype":{"table":"polluted"}}}', '{"columns":{"__proto__":{"type":"TEXT"},"constructor":{"rename":"prototype"}}}']) {
      const { table, columns } = await server.import(`${header.join(',')}\n1,2,3,4\n`, { options })
      assert.notEqual(table, 'polluted')
      assert.deepEqual(columns?.map(({ name }) => name), header.map((name) => name === 'constructor' && options.includes('rename') ? 'prototype' : name))
      assert.deepEqual((await server.get<{ __proto__: unknown }[]>(`/api/tables/${table}/export?format=json`)).body.map((row) => Object.entries(row).map(([, value]) => Number(value))), [[1, 2, 3, 4]])
      assert.equal((await server.rows(table, '?filter[__proto__]=eq:1&sort=-toString&q=3')).total, 1)
      assert.equal((await server.get(`/api/tables/${table}/columns/__proto__/summary`)).status, 200)
      assert.equal((await server.get<Problem>(`/api/tables/${table}/rows?sort=valueOf`)).body.code, 'BAD_QUERY')
      assert.equal((await server.send<{ rows: unknown[] }>('POST', '/api/query', { sql: `SELECT * FROM "${table}"` })).body.rows.length, 1)
    }
    for (const table of ['__proto__', 'constructor']) assert.equal((await server.get<Problem>(`/api/tables/${table}`)).body.code, 'TABLE_NOT_FOUND')
  })

  test('takes no longer than its size, whatever it is made of', { timeout: 120_000 }, async () => {
    // Each of these took from half a minute to hours, some in the main thread.
    const returns = '\r'.repeat(2 ** 18)
    const preview = new FormData()
    preview.append('file', new Blob([`a,b\n1,2\n${returns}x`]), `${'.csv'.repeat(3_000)}x`)
    assert.equal((await server.request('POST', '/api/imports/preview', { body: preview })).status, 200)
    for (const text of [`a,b\n1,2\n${returns}x`, `_line,_reason,b\n1,2,3\n${returns}x`, `a\n${'1'.repeat(2 ** 20)}x\n`]) {
      assert.equal((await server.import(text, { options: { columns: { [text.slice(0, text.search(/[,\n]/))]: { type: 'REAL' } } } })).status, 'completed')
      assert.equal((await server.import(text)).status, 'completed')
    }
  })

  test('leaves no staged file, and the server goes on', async () => {
    await server.settled()
    assert.deepEqual(server.stagedFiles(), [])
    assert.equal((await server.get('/api/health')).status, 200)
  })
})
