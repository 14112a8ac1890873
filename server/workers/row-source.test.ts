import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { BAD_BYTES, FileText } from '../csv/file-text.ts'
import { RecordReader } from '../csv/record-reader.ts'
import { RowFitter } from '../csv/row-fitter.ts'
import { IMAGE_PAGE_BYTES, type TableImage } from '../db/table-image.ts'
import { Fault } from '../faults.ts'
import type { Dialect, RejectedRow } from '../protocol.ts'
import type { ImportOptions } from './messages.ts'
import { RowSource, type PieceSizes } from './row-source.ts'

/** Place in a database's header (https://sqlite.org/fileformat2.html#the_database_header). */
const PAGE_COUNT = 28

const RFC: Dialect = { delimiter: ',', quote: '"', escape: '"', newline: '\n', encoding: 'utf-8', header: true, skipLines: 0 }

interface Outcome {
  rows: string[][]
  rejects: RejectedRow[]
  padded: number
  header: readonly string[]
  notices: readonly string[]
}

describe('RowSource', () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'hextrackr-test-'))
  })

  after(() => {
    rmSync(folder, { recursive: true })
  })

  const options = (dialect: Dialect, columns: ImportOptions['columns'] = {}): ImportOptions => {
    const { encoding: _, ...chosen } = dialect
    return { mode: 'create', key: [], addColumns: false, onRowError: 'reject', dialect: chosen, columns }
  }

  /** Every row of the file as text, read in pieces of these sizes. */
  function read(bytes: Uint8Array, dialect: Dialect, sizes: PieceSizes, pieces: readonly number[], maxRowLength = 10_000): Outcome {
    const filePath = join(folder, 'file.csv')
    writeFileSync(filePath, bytes)
    const asText = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`c${index}`, { type: 'TEXT' as const }]))
    const named = namesOf(bytes, dialect)
    const source = new RowSource({
      filePath, maxRowLength,
      options: options(dialect, Object.fromEntries(named.map((name) => [name, asText.c0!]))),
    }, sizes)
    try {
      const { columns } = source.open()
      const rows: string[][] = []
      const rejects: RejectedRow[] = []
      let padded = 0
      let memory = new Uint8Array()
      for (let turn = 0, batch; (batch = source.read(pieces[turn++ % pieces.length]!, memory));) {
        rows.push(...rowsOf(batch.image, columns.length))
        rejects.push(...batch.rejects)
        padded += batch.padded
        memory = batch.image.pages
      }
      const { header, notices } = source.summary()
      return { rows, rejects, padded, header, notices }
    } finally {
      source.close()
    }
  }

  /** What SQLite finds in an image. */
  function rowsOf(image: TableImage, columns: number): string[][] {
    const made = new Database(':memory:')
    made.pragma(`page_size = ${IMAGE_PAGE_BYTES}`)
    made.exec(`CREATE TABLE t (${Array.from({ length: columns }, (_, index) => `c${index} TEXT`).join(', ')})`)
    const header = made.serialize().subarray(0, IMAGE_PAGE_BYTES)
    made.close()
    header.writeUInt32BE(1 + image.pageCount, PAGE_COUNT)
    const db = new Database(Buffer.concat([header, image.pages.subarray(0, image.pageCount * IMAGE_PAGE_BYTES)]))
    try {
      return db.prepare('SELECT * FROM t').raw().all() as string[][]
    } finally {
      db.close()
    }
  }

  /** The same by the careful reading alone, of the whole text at once. */
  function readWithCare(bytes: Uint8Array, dialect: Dialect, maxRowLength = 10_000): Outcome {
    const reader = new RecordReader(dialect, maxRowLength)
    const batches = [reader.push(textOf(bytes)), ...reader.end()].filter(({ records, rejects }) => records.length + rejects.length > 0)
    if (batches.length === 0) throw new Fault('EMPTY_FILE', 'The file has no rows.')
    const fitter = new RowFitter(batches[0]!.records, dialect)
    const fitted = batches.map((batch, index) => fitter.fit(batch, index === 0 && dialect.header ? 1 : 0))
    return {
      rows: fitted.flatMap(({ rows }) => rows.map((row) => row.slice(0, fitter.width))),
      rejects: fitted.flatMap(({ rejects }) => rejects),
      padded: fitted.reduce((sum, { padded }) => sum + padded, 0),
      header: fitter.header,
      notices: fitter.notices,
    }
  }

  function textOf(bytes: Uint8Array): string {
    const filePath = join(folder, 'whole.csv')
    writeFileSync(filePath, bytes)
    const file = new FileText(filePath, 2 ** 20)
    try {
      file.decodeAs('utf-8', true)
      let text = ''
      for (let piece; (piece = file.read(2 ** 20)) !== null;) text += piece
      return text
    } finally {
      file.close()
    }
  }

  const namesOf = (bytes: Uint8Array, dialect: Dialect): readonly string[] => {
    try {
      return readWithCare(bytes, dialect).header
    } catch {
      return []
    }
  }

  const outcome = (work: () => Outcome): Outcome | string => {
    try {
      return work()
    } catch (error) {
      if (error instanceof Fault) return error.code
      throw error
    }
  }

  const regular = Array.from({ length: 4 }, (_, index) => `r${index},"x, ${index}",é\n`).join('')
  const tail = fc.string({
    unit: fc.constantFrom('a', 'é', ' ', ',', ',', ',', '"', '""', '","', ',"', '",', '\n', '\n', '\n', '\r\n', '\r', 'x,y,z\n', '"1\n2",b,c\n', '\0'), maxLength: 60,
  })
  const sizes = fc.record({ sample: fc.integer({ min: 6, max: 60 }), careful: fc.integer({ min: 1, max: 60 }), max: fc.integer({ min: 30, max: 200 }) })
  const pieces = fc.array(fc.integer({ min: 20, max: 120 }), { minLength: 1, maxLength: 4 })

  test('gives what the careful reading gives, whatever is in the file and whatever pieces it is read in', () => {
    let withRejects = 0
    fc.assert(fc.property(fc.array(tail, { maxLength: 4 }), sizes, pieces, (tails, pieceSizes, lengths) => {
      const bytes = Buffer.from(`a,b,c\n${regular}${tails.map((one) => `${one}\n${regular}`).join('')}last,"row",x`)
      const expected = outcome(() => readWithCare(bytes, RFC))
      assert.deepEqual(outcome(() => read(bytes, RFC, pieceSizes, lengths)), expected)
      if (typeof expected !== 'string' && expected.rejects.length > 0) withRejects++
    }), { numRuns: 300 })
    assert.ok(withRejects > 20, `only ${withRejects} files had rejects`)
  })

  test('bytes that are no UTF-8 cost the same rows', () => {
    const junk = fc.uint8Array({ maxLength: 12 })
    // As many sound characters as there can be bad bytes: with fewer the file would be taken for one in another encoding.
    const sound = regular.replaceAll('é', 'ééé')
    fc.assert(fc.property(fc.array(junk, { minLength: 1, maxLength: 4 }), sizes, pieces, (junks, pieceSizes, lengths) => {
      const bytes = Buffer.concat([Buffer.from(`a,b,c\n${sound}`), ...junks.flatMap((one) => [one, Buffer.from(`\n${sound}`)])])
      assert.deepEqual(outcome(() => read(bytes, RFC, pieceSizes, lengths)), outcome(() => readWithCare(bytes, RFC)))
    }), { numRuns: 200 })
    assert.ok(textOf(Buffer.from([0x61, 0xff])).includes(BAD_BYTES))
  })

  test('a row that holds bad bytes is kept whole, wherever the file is cut', () => {
    const bytes = Buffer.concat([Buffer.from(`a,b,c\n${regular}`), Uint8Array.from([82, 236, 239, 15, 54, 125, 3, 176, 201]), Buffer.from(`\n${regular}`)])
    const expected = readWithCare(bytes, RFC)
    for (let careful = 1; careful < 20; careful++) assert.deepEqual(read(bytes, RFC, { sample: 55, careful, max: 155 }, [83]), expected)
  })
})
