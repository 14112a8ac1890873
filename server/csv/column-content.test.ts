import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANY_CONTENT, contentOf, contentsOf } from './column-content.ts'

const contentOfAll = (...values: string[]): string | undefined =>
  contentOf(values.map((value) => Buffer.from(value)).reduce((bits, bytes) => bits & contentsOf(bytes, 0, bytes.length), ANY_CONTENT))

test('dates are told by all values of a column', () => {
  assert.equal(contentOfAll('2024-01-31', '2024-02-29T12:30:00Z', '1999-12-01 08:15'), 'date-ymd')
  assert.equal(contentOfAll('01.02.2024', '03.04.2024'), 'date-dmy')
  assert.equal(contentOfAll('1/2/2024', '12/31/2024 23:59:59'), 'date-mdy')
  assert.equal(contentOfAll('1/2/2024', '31/12/2024'), 'date-dmy')
})

test('a column in which day and month cannot be told apart is text', () => {
  assert.equal(contentOfAll('1/2/2024', '3/4/2024'), undefined)
  assert.equal(contentOfAll('13/1/2024', '1/13/2024'), undefined)
})

test('one value that is no date makes a column text, and so does another way to write them', () => {
  for (const value of ['', '2024-13-01', '2024-02-32', '2024-1-2', '2024/01/02', '12:30', '2024-01-01T25:00', '2024-01-01+02:00', 'x']) {
    assert.equal(contentOfAll('2024-01-01', value), undefined, value)
  }
})

test('truth values are two words', () => {
  assert.equal(contentOfAll('true', 'FALSE', 'True'), 'boolean')
  assert.equal(contentOfAll('yes', 'No'), 'boolean')
  assert.equal(contentOfAll('yes', 'true'), undefined)
  assert.equal(contentOfAll('yes', 'maybe'), undefined)
})

test('nothing is known of a column without values', () => {
  assert.equal(contentOfAll(), undefined)
})
