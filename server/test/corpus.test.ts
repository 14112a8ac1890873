import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { CellValue, Dialect, ImportRecord, Problem } from '../protocol.ts'
import { TestServer } from './support.ts'
import { suiteScope } from './suite.ts'

const CORPUS = join(import.meta.dirname, 'corpus')

/** What is to become of a file of the corpus. What is absent is not looked at. */
interface Expected {
  /** `name:TYPE`, or `name:REAL(scale)`. */
  columns?: string[]
  columnCount?: number
  rows?: CellValue[][]
  rowCount?: number
  read?: number
  rejected?: number
  dialect?: Partial<Dialect>
  /** Line, and a part of the reason. */
  rejects?: [number, string][]
  /** Parts of notices. */
  notices?: string[]
  /** Code with which it ends, at the upload or later. */
  error?: string
}

const read = (path: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(path))

describe('files as people have them', () => {
  let server: TestServer
  const scope = suiteScope()
  before(async () => {
    server = await TestServer.start(scope)
  })

  async function importOf(content: Uint8Array<ArrayBuffer>, filename: string): Promise<ImportRecord | { error: { code: string } }> {
    const { status, body } = await server.upload(content, { filename })
    if (status !== 202) return { error: { code: body.code } }
    await server.outcome(body.sessionId)
    return server.record(body.sessionId)
  }

  async function check(name: string, expected: Expected): Promise<void> {
    const record = await importOf(read(join(CORPUS, `${name}.csv`)), `${name}.csv`)
    assert.equal(record.error?.code, expected.error)
    if (expected.error !== undefined) return
    const done = record as ImportRecord
    const { columns, rows } = await server.rows(done.table, '?limit=1000')
    const rejected = expected.rejected ?? expected.rejects?.length ?? 0
    const inserted = expected.rows?.length ?? expected.rowCount!
    if (expected.columns) {
      assert.deepEqual(columns.map(({ name: column, type, scale }) => `${column}:${type}${scale === undefined ? '' : `(${scale})`}`), expected.columns)
    }
    if (expected.columnCount !== undefined) assert.equal(columns.length, expected.columnCount)
    if (expected.rows) assert.deepEqual(rows, expected.rows)
    assert.deepEqual([done.rowsRead, done.rowsInserted, done.rowsRejected], [expected.read ?? inserted + rejected, inserted, rejected])
    for (const [key, value] of Object.entries(expected.dialect ?? {})) assert.deepEqual([key, done.dialect![key as keyof Dialect]], [key, value])
    for (const notice of expected.notices ?? []) assert.ok(done.notices!.some((text) => text.includes(notice)), `no notice says ${notice}: ${done.notices!.join(' | ')}`)
    const body = (await server.get<string>(`/api/imports/${done.sessionId}/rejects`)).body
    for (const [line, reason] of expected.rejects ?? []) {
      const prefix = String(line)
      assert.ok(body.split(/\r\n|\n|\r/).some((text) => text.startsWith(prefix) && text.includes(reason)), `no reject of line ${line} says ${reason}: ${body}`)
    }
  }

  test('each is read as its owner means it', async () => {
    const expected = Object.entries(JSON.parse(readFileSync(join(CORPUS, 'expected.json'), 'utf8')) as Record<string, Expected>)
    assert.deepEqual(expected.map(([name]) => name).sort(), globSync('*.csv', { cwd: CORPUS }).map((file) => basename(file, '.csv')).sort())
    assert.ok(expected.length >= 150, `only ${expected.length} files`)
    const failures: string[] = []
    const queue = expected.values()
    await Promise.all([1, 2, 3].map(async () => {
      for (const [name, outcome] of queue) {
        try {
          await check(name, outcome)
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`)
        }
      }
    }))
    assert.equal(failures.length, 0, `${failures.length} of ${expected.length} files\n${failures.join('\n')}`)
  })

  test('what is exported is what came in', async () => {
    const failures: string[] = []
    for (const name of ['simple', 'rfc4180', 'same-scale', 'late-misfit', 'duplicate-names', 'nessus-like', 'empty-numbers', 'emoji', 'nul-bytes', 'long-ids']) {
      const first = await server.import(read(join(CORPUS, `${name}.csv`)), { filename: `${name}.csv` })
      const csv = await server.export(first.table)
      const second = await server.import(csv, { filename: `${name}.csv` })
      const again = await server.export(second.table)
      if (again !== csv || JSON.stringify(second.columns) !== JSON.stringify(first.columns)) failures.push(name)
    }
    assert.deepEqual(failures, [])
  })

  test('the files of csv-spectrum are read as it says', async () => {
    const folder = dirname(createRequire(import.meta.url).resolve('csv-spectrum/package.json'))
    const failures: string[] = []
    const files = globSync('csvs/*.csv', { cwd: folder })
    assert.ok(files.length >= 10)
    for (const file of files) {
      const name = basename(file, '.csv')
      const record = await importOf(read(join(folder, file)), `${name}.csv`) as ImportRecord
      const csv = (await server.get<Record<string, CellValue>[] | Problem>(`/api/tables/${encodeURIComponent(record.table)}/export?format=json`)).body
      const rows = (csv as Record<string, CellValue>[]).map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value === null ? '' : String(value)])))
      // Its expectation names another telephone number than the file.
      if (name === 'location_coordinates') continue
      try {
        assert.deepEqual(rows, JSON.parse(readFileSync(join(folder, 'json', `${name}.json`), 'utf8')))
      } catch (error) {
        failures.push(`${name}: ${(error as Error).message}`)
      }
    }
    assert.equal(failures.length, 0, failures.join('\n'))
  })
})
