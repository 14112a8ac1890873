import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import type { Dialect, Problem, RowsPage } from '../protocol.ts'
import { amount } from './amount.ts'
import { write, written } from './dialects.ts'
import { suiteScope } from './suite.ts'
import { newSessionId, TestServer } from './support.ts'

const AS_EXPORTED = { delimiter: ',', quote: '"', escape: '"', encoding: 'utf-8', header: true, skipLines: 0 } satisfies Partial<Dialect>

/** What looks like numbers, dates, missing values, quotes, delimiters, formulas and characters of several bytes, and what nearly does. */
const cell = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ unit: fc.constantFrom('a', ',', ';', ' ', '"', '\'', '\\', '\n', '\r', '\t', '|', '\u001f', 'é', '\0', '\ufeff', '\ufffd'), maxLength: 6 }),
  fc.constantFrom('', '0', '007', '-0', '1e5', '+1', '1.50', '1.5', '.5', '5.', '1,5', '12345678901234567890', '9007199254740993', 'NULL', 'NaN', 'true', '=1+1', '0x10', '\u0661'),
  fc.integer().map(String),
  fc.float({ noNaN: true }).map(String),
)

const tables = fc.integer({ min: 1, max: 5 }).chain((width) =>
  fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 8 }).map((rows) => [Array.from({ length: width }, (_, index) => `column ${index}`), ...rows]))

describe('a table of any strings', () => {
  let server: TestServer
  const scope = suiteScope()
  before(async () => {
    server = await TestServer.start(scope)
  })

  test('comes back equal through import and export, whatever dialect it is written in', async () => {
    await fc.assert(fc.asyncProperty(tables, written(',', ';', '\t', '|', ', ', ' | ', '||', '~', '\u001f', ':', ' '), async (rows, { newline, ...given }) => {
      const { quotesAll: _, ...dialect } = given
      const first = await server.import(write(rows, { ...given, newline, quotesAll: true }), { options: { ...dialect, encoding: 'utf-8', header: true, skipLines: 0 } })
      assert.equal(first.error, undefined)
      const csv = await server.export(first.table)
      assert.deepEqual(parse(csv, { record_delimiter: '\r\n' }), rows)
      const second = await server.import(csv, { options: AS_EXPORTED })
      const [was, is] = await Promise.all([server.rows(first.table), server.rows(second.table)])
      assert.deepEqual(is, was)
    }), { numRuns: amount(16, 400) })
  })

  test('is undone without a trace after each mode', async () => {
    const contentOf = async (name: string): Promise<unknown> => {
      const { status, body } = await server.get<RowsPage>(`/api/tables/${name}/rows?limit=1000`)
      return status === 200 ? body : status
    }
    await fc.assert(fc.asyncProperty(tables, tables, fc.constantFrom('append', 'replace', 'upsert'), async (old, young, mode) => {
      const table = `t${newSessionId()}`
      const numbered = (rows: string[][]): string => write(rows.map((row, index) => [index === 0 ? 'key' : String(index % 7 === 0 ? -index : index), ...row]), { ...AS_EXPORTED, newline: '\n', quotesAll: true })
      const options = { ...AS_EXPORTED, table }
      assert.equal((await server.import(numbered(old), { options })).error, undefined)
      const before = await contentOf(table)
      const { sessionId, error } = await server.import(numbered(young), { options: { ...options, mode, ...(mode === 'upsert' && { key: ['key'] }), addColumns: mode !== 'replace' } })
      assert.equal(error, undefined)
      assert.equal((await server.request('POST', `/api/imports/${sessionId}/undo`)).status, 200)
      assert.deepEqual(await contentOf(table), before)
    }), { numRuns: amount(16, 400) })
  })
})

describe('random bytes', () => {
  test('end as an import or as a problem, and leave nothing behind', async (t) => {
    const server = await TestServer.start(t)
    const descriptors = (): number => readdirSync(`/proc/${server.process.pid!}/fd`).length
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.string({ unit: fc.constantFrom('a', '1', ',', ';', '"', '\'', '\\', '\n', '\r', ' ', '\t', '#', '\u00e9', '\u{1f600}'), maxLength: 500 }).map((text) => new Uint8Array(Buffer.from(text))),
      fc.string({ unit: 'binary', maxLength: 300 }).map((text) => new Uint8Array(Buffer.from(text, 'utf16le'))),
    )
    await server.import('warm,up\n1,2\n')
    await server.settled()
    const before = process.platform === 'linux' ? descriptors() : 0
    await fc.assert(fc.asyncProperty(bytes, async (content) => {
      const sessionId = newSessionId()
      const { status, body } = await server.upload(content, { sessionId })
      if (status !== 202) {
        assert.ok([400, 422].includes(status) && typeof (body as unknown as Problem).detail === 'string', `${status} ${JSON.stringify(body)}`)
        return
      }
      const { error } = await server.outcome(sessionId)
      if (error) assert.match(error.code, /^(EMPTY_FILE|NOT_CSV|UNDECODABLE|TOO_MANY_COLUMNS|ROW_TOO_LARGE)$/)
      const { rowsRead, rowsInserted, rowsRejected, status: ended } = await server.record(sessionId)
      if (ended === 'completed') assert.equal(rowsRead, rowsInserted + rowsRejected)
    }), { numRuns: amount(50, 2_000) })
    await server.settled()
    assert.deepEqual(server.openDatabase().prepare('SELECT name FROM sqlite_schema WHERE name LIKE \'%staging%\'').all(), [])
    // A thread that has just ended may still be letting go of its own.
    if (process.platform === 'linux') while (descriptors() > before + 8) await new Promise((resolve) => setTimeout(resolve, 10))
  })
})
