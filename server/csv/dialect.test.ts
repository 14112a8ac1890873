import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Dialect } from '../protocol.ts'
import { detectDialect } from './dialect.ts'
import { detectEncoding } from './encoding.ts'
import { RecordReader } from './record-reader.ts'
import { write, written } from '../test/dialects.ts'

const delimiterOf = (sample: string): string => detectDialect(sample, 'utf-8', {}).delimiter

describe('detectDialect', () => {
  test('takes the delimiter that makes rows alike, not the commonest character', () => {
    assert.equal(delimiterOf('name;note\nMeier, Hans;a, b, c\nMüller;d\n'), ';')
    assert.equal(delimiterOf('a\tb\n1,5\t2,5\n3,5\t4,5\n'), '\t')
    assert.equal(delimiterOf('a|b|c\n1|2|3\n'), '|')
    assert.equal(delimiterOf('just one column\nwith words\n'), ',')
  })

  test('is not led astray by delimiters inside quotes', () => {
    assert.equal(delimiterOf('a,b\n"x;y;z",1\n"p;q;r",2\n'), ',')
  })

  test('judges a file of one line', () => {
    assert.equal(delimiterOf('a;b;c'), ';')
  })

  test('does not guess what it is told', () => {
    assert.deepEqual(detectDialect('a;b\n', 'utf-8', { delimiter: ',', header: false }), {
      delimiter: ',', quote: '"', escape: '"', newline: '\n', encoding: 'utf-8', header: false, skipLines: 0,
    })
  })
})

describe('detectEncoding', () => {
  test('knows UTF-8, UTF-16 and falls back to Windows-1252', () => {
    assert.equal(detectEncoding(Buffer.from('Zürich'), true), 'utf-8')
    assert.equal(detectEncoding(Buffer.from('Zürich', 'latin1'), true), 'windows-1252')
    assert.equal(detectEncoding(Buffer.from('\ufeffZürich', 'utf16le'), true), 'utf-16le')
  })

  test('does not take a character cut in half at the end of the sample for an error', () => {
    const cut = Buffer.from('Zü').subarray(0, 2)
    assert.equal(detectEncoding(cut, false), 'utf-8')
    assert.equal(detectEncoding(cut, true), 'windows-1252')
  })
})

function read(text: string, dialect: Dialect): string[][] {
  const reader = new RecordReader(dialect, Infinity)
  return [reader.push(text), ...reader.end()].flatMap(({ records }) => records)
}

describe('a table', () => {
  const number = fc.integer({ min: -5000, max: 99_999 }).map(String)
  const word = fc.constantFrom('alpha', 'Gamma Ray', 'O\'Brien', 'x-1', 'Ångström', 'North, South', 'a; b', 'it is', 'delta_2', 'say "hi"', 'two\nlines', 'C:\\new')
  const date = fc.integer({ min: 0, max: 20_000 }).map((day) => new Date(day * 86_400_000).toISOString())
  const decimal = fc.integer({ min: 0, max: 9999 }).map((cents) => (cents / 100).toFixed(2))
  const kinds = [word, number, decimal, decimal.map((text) => text.replace('.', ',')), date.map((text) => text.slice(0, 10)), date.map((text) => text.slice(0, 19)), word]

  const tables = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 6 }).chain((columns) =>
    fc.array(fc.tuple(number, ...columns), { minLength: 5, maxLength: 12 }).map((rows) => [rows[0]!.map((_, index) => `name${'abcdefgh'[index]!}`), ...rows]))

  test('of words and numbers is found in any dialect', () => {
    fc.assert(fc.property(tables, written(',', ';', '\t', '|', ', ', '; ', ' | ', '~', '^', '||', '\u001f', ' ', ':'), (rows, dialect) => {
      const text = write(rows, dialect)
      // Nothing tells a backslash that escapes only itself from two of them.
      fc.pre(dialect.escape === dialect.quote || text.includes(`\\${dialect.quote}`))
      assert.deepEqual(read(text, detectDialect(text, 'utf-8', {})), rows)
    // A guess can be wrong about some table of all there are; 20,000 of other seeds were found too.
    }), { numRuns: 600, seed: 1 })
  })

  test('of any cells is read back in a dialect that is given', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ',', ';', ' ', '"', '\'', '\\', '\n', '\r', '|', '\u001f', 'é', '\0'), maxLength: 6 })
    const row = (width: number) => fc.array(cell, { minLength: width, maxLength: width })
    const any = fc.integer({ min: 1, max: 4 }).chain((width) => fc.array(row(width), { minLength: 1, maxLength: 6 }))
    fc.assert(fc.property(any, written(',', ';', ', ', ' | ', '||', '\u001f', ' '), (rows, { quotesAll: _, ...given }) => {
      const text = write(rows, { ...given, quotesAll: true })
      assert.deepEqual(read(text, { ...detectDialect(text, 'utf-8', { ...given, skipLines: 0 }), newline: given.newline }), rows)
    }), { numRuns: 1000 })
  })

  test('is looked for in anything without a crash', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: fc.constantFrom('a', '1', ',', ';', '"', '\'', '\\', '\n', '\r', ' ', '\t', '#'), maxLength: 200 }).map((text) => new Uint8Array(Buffer.from(text))))
    fc.assert(fc.property(bytes, fc.boolean(), (head, isWhole) => {
      const encoding = detectEncoding(head, isWhole)
      const text = new TextDecoder(encoding).decode(head)
      const dialect = detectDialect(text, encoding, {})
      assert.ok(dialect.delimiter.length > 0)
      read(text, dialect)
    }), { numRuns: 2000 })
  })

  // Work that grows with the square of the length would take hours here.
  test('is found however odd 256 KB are', { timeout: 300_000 }, () => {
    for (const piece of ['"', '"a', 'a,"', '\'', ',', ';,|:\t ', '\r', '"\n', 'x', 'a,b,c\n', '"a\nb",\'c\',3;4\n', '\\"']) {
      const text = piece.repeat(2 ** 18 / piece.length)
      assert.ok(detectDialect(text, 'utf-8', {}).delimiter.length > 0, JSON.stringify(piece))
    }
  })
})
