import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { Fault } from '../faults.ts'
import type { Dialect } from '../protocol.ts'
import { RecordReader } from './record-reader.ts'
import { csvLine } from './write.ts'

const RFC: Dialect = { delimiter: ',', quote: '"', escape: '"', newline: '\n', encoding: 'utf-8', header: true, skipLines: 0 }

/** All records of a text that arrives in pieces of the given lengths, the last length repeated. */
function read(text: string, dialect: Partial<Dialect> = {}, lengths: readonly number[] = [text.length || 1], maxRowLength = 10_000) {
  const reader = new RecordReader({ ...RFC, ...dialect }, maxRowLength)
  const batches = []
  for (let at = 0, index = 0; at < text.length; index++) {
    const length = lengths[Math.min(index, lengths.length - 1)]!
    batches.push(reader.push(text.slice(at, at + length)))
    at += length
  }
  batches.push(...reader.end())
  return {
    records: batches.flatMap((batch) => batch.records),
    rejects: batches.flatMap((batch) => batch.rejects),
    plainLines: batches.flatMap((batch) => batch.plainLines),
    lines: batches.flatMap((batch) => batch.records.map((_, index) => batch.lineOf(index))),
    texts: batches.flatMap((batch) => batch.records.map((_, index) => batch.textOf(index))),
  }
}

describe('RecordReader', () => {
  test('reads quoted fields, doubled quotes and line breaks inside quotes byte for byte', () => {
    assert.deepEqual(read('a,b\n"x, ""y""","1\r\n2"\n').records, [['a', 'b'], ['x, "y"', '1\r\n2']])
  })

  test('needs no line end after the last record', () => {
    assert.deepEqual(read('a,b\r\n1,2').records, [['a', 'b'], ['1', '2']])
    assert.deepEqual(read('a\n"x"').records, [['a'], ['x']])
  })

  test('takes blank lines for no rows, and a quoted empty field for one', () => {
    assert.deepEqual(read('a\n\n1\n\n\n""\n').records, [['a'], ['1'], ['']])
  })

  test('takes a quote inside an unquoted field literally', () => {
    assert.deepEqual(read('size,name\n5" pipe,x\n a "b",y\n').records, [['size', 'name'], ['5" pipe', 'x'], [' a "b"', 'y']])
  })

  test('takes a quote that closes nothing for text of its field', () => {
    assert.deepEqual(read('a,b\n"say "hi" now",2\n3,4\n').records, [['a', 'b'], ['say "hi" now', '2'], ['3', '4']])
  })

  test('reads a row whose quote never closes as plain text and goes on with the next line', () => {
    assert.deepEqual(read('a,b\n"open,2\n3,4\n').records, [['a', 'b'], ['"open', '2'], ['3', '4']])
  })

  test('reads lone CR line ends where the file has no others', () => {
    assert.deepEqual(read('a,b\r"x\ry",2\r3,4', { newline: '\r' }).records, [['a', 'b'], ['x\ry', '2'], ['3', '4']])
  })

  test('keeps a lone CR as text in a file of LF lines', () => {
    assert.deepEqual(read('a,b\nx\ry,2\n').records, [['a', 'b'], ['x\ry', '2']])
  })

  test('knows the line on which each record begins and its text', () => {
    const { lines, texts } = read('h,i\n\n"a\nb",1\nc,2\n\n\nd,3', {}, [5])
    assert.deepEqual(lines, [1, 3, 5, 8])
    assert.deepEqual(texts, ['h,i', '"a\nb",1', 'c,2', 'd,3'])
  })

  test('reads backslash escapes where the dialect has them', () => {
    assert.deepEqual(read('a,b\n"x \\" y","1\\\\"\n', { escape: '\\' }).records, [['a', 'b'], ['x " y', '1\\']])
  })

  test('reads a row as plain text where its quote meets a quote of a later row', () => {
    assert.deepEqual(read('a,b\n1,2\n"open,2\n3,"x"\n4,5\n').records, [['a', 'b'], ['1', '2'], ['"open', '2'], ['3', 'x'], ['4', '5']])
    assert.deepEqual(read('a,b,c\n"a,b,c\n"d",e,f\n4,5,6\n').records, [['a', 'b', 'c'], ['"a', 'b', 'c'], ['d', 'e', 'f'], ['4', '5', '6']])
    assert.deepEqual(read('"a,b\n1,"x"\n3,4\n').records, [['"a', 'b'], ['1', 'x'], ['3', '4']])
  })

  test('tells which rows were read as plain text, and rejects those that do not fit even then', () => {
    const { plainLines, rejects, records } = read('a,b\n"open,2\n1,2\n"open,2,3\n3,4\n')
    assert.deepEqual(records, [['a', 'b'], ['"open', '2'], ['1', '2'], ['3', '4']])
    assert.deepEqual(plainLines, [2])
    assert.deepEqual(rejects, [{ line: 4, reason: 'its quote never closes', record: '"open,2,3' }])
  })

  test('rejects a row whose quote swallows others although it does not fit as plain text either', () => {
    const { rejects, records } = read('a,b,c\n1,"open\n3,4,5\n6,"x",7\n8,9,0\n')
    assert.deepEqual(records, [['a', 'b', 'c'], ['3', '4', '5'], ['6', 'x', '7'], ['8', '9', '0']])
    assert.deepEqual(rejects.map(({ line, record }) => [line, record]), [[2, '1,"open']])
  })

  test('rejects a row that is longer than the limit and goes on with the next line', () => {
    const { rejects, records, lines } = read(`a\n${'x'.repeat(3000)}\nb\n`, {}, [50], 200)
    assert.deepEqual(records, [['a'], ['b']])
    assert.deepEqual(lines, [1, 3])
    assert.deepEqual(rejects.map(({ line, reason }) => [line, reason]), [[2, 'it is longer than 200 characters']])
    assert.ok(rejects[0]!.record.length <= 1001)
    assert.deepEqual(read(`a,b\n${'x'.repeat(3000)}`, {}, [50], 200).rejects.length, 1)
    assert.deepEqual(read(`a,b\n"${'x\n'.repeat(150)}",2\n3,4\n`, {}, [50], 200).records.at(-1), ['3', '4'])
  })

  test('refuses a file whose first row is longer than the limit', () => {
    for (const text of ['x'.repeat(300), `"${'x'.repeat(300)}"\nb\n`, `${'x'.repeat(300)}\nb\n`]) {
      for (const lengths of [[50], [1000]]) {
        assert.throws(() => read(text, {}, lengths, 200), (error) => error instanceof Fault && error.code === 'ROW_TOO_LARGE' && error.line === 1)
      }
    }
  })

  test('leaves out the lines above the header', () => {
    assert.deepEqual(read('report "of\r\n\r\na,b\r\n1,2', { skipLines: 2 }, [3]).lines, [3, 4])
    assert.deepEqual(read('x\ry\ra,b\r1,2', { skipLines: 2, newline: '\r' }, [1]).records, [['a', 'b'], ['1', '2']])
    assert.deepEqual(read('a\nb', { skipLines: 9 }).records, [])
  })

  test('takes the space after a delimiter for a part of it, and does without it where it is missing', () => {
    assert.deepEqual(read('a, b, c\n"x, y", "z",1\n"p","q", \n', { delimiter: ', ' }, [1]).records, [['a', 'b', 'c'], ['x, y', 'z', '1'], ['p', 'q', '']])
    assert.deepEqual(read('a||b\n"x||y"||1\nx|y|||2\n', { delimiter: '||' }, [1]).records, [['a', 'b'], ['x||y', '1'], ['x|y', '|2']])
  })

  test('keeps a backslash that escapes nothing', () => {
    assert.deepEqual(read('a,b\n"C:\\new","\\""\n', { escape: '\\' }).records, [['a', 'b'], ['C:\\new', '"']])
  })

  // Looking for the end of each quote anew would take hours here.
  test('looks for the ends of quotes once, however many rows leave one open', { timeout: 300_000 }, () => {
    const { records, plainLines } = read(`a,b\n${'"open,2\n'.repeat(50_000)}`, {}, [2 ** 16], 2 ** 24)
    assert.deepEqual([records.length, plainLines.length], [50_001, 50_000])
  })

  test('gives back any table of strings written by RFC 4180, however it is cut into pieces', () => {
    const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é', '\u0000'), maxLength: 6 })
    const table = fc.integer({ min: 1, max: 4 }).chain((width) =>
      fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }))
    fc.assert(fc.property(table, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), (rows, lengths) => {
      assert.deepEqual(read(rows.map(csvLine).join(''), {}, lengths).records, rows)
    }), { numRuns: 2000 })
  })

  test('agrees with csv-parse on any text that csv-parse takes without leniency', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ',', '"', '\n', '\r\n'), maxLength: 30 })
    let accepted = 0
    fc.assert(fc.property(text, fc.integer({ min: 1, max: 7 }), (csv, length) => {
      let expected: string[][]
      try {
        expected = parse(csv, { record_delimiter: ['\r\n', '\n'], skip_empty_lines: true })
      } catch {
        return
      }
      accepted++
      assert.deepEqual(read(csv, {}, [length]).records, expected)
    }), { numRuns: 5000 })
    assert.ok(accepted > 500, `only ${accepted} texts took part`)
  })

  test('reads any text the same way, however it is cut into pieces', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', '\r\n', '""', '",', ' ', '\\', '\''), maxLength: 40 })
    const dialect = fc.record({
      newline: fc.constantFrom<Dialect['newline']>('\n', '\r'),
      delimiter: fc.constantFrom(',', ', ', 'a,', ';'),
      quote: fc.constantFrom('"', '\'', ''),
      isBackslash: fc.boolean(),
      skipLines: fc.constantFrom(0, 0, 1),
    }).map(({ isBackslash, ...rest }) => ({ ...rest, escape: isBackslash ? '\\' : rest.quote }))
    const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 })
    const outcome = (...given: Parameters<typeof read>): unknown => {
      try {
        return read(...given)
      } catch (error) {
        return (error as Fault).code
      }
    }
    fc.assert(fc.property(text, dialect, lengths, fc.constantFrom(4, 12, 1000), (csv, syntax, cuts, maxRowLength) => {
      assert.deepEqual(outcome(csv, syntax, cuts, maxRowLength), outcome(csv, syntax, undefined, maxRowLength))
    }), { numRuns: 10_000 })
  })
})
