import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { detectDialect } from './dialect.ts'
import { detectEncoding } from './encoding.ts'

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
