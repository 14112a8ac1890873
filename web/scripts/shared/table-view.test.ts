import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cellText, nextSort, pageCount, readView, rowsPerPage, sortedBy, writeView } from './table-view.ts'

test('a view survives the trip through the address', () => {
  const view = { page: 3, sort: '-cvss', q: 'a&b=ü' }
  assert.deepEqual(readView(writeView(view)), view)
  assert.equal(writeView({ page: 1, sort: '', q: '' }), '')
})

test('nonsense in the address is the first page', () => {
  for (const search of ['', '?page=0', '?page=-2', '?page=x', '?page=1.5', '?page=1e99']) assert.equal(readView(search).page, 1)
})

test('a header steps through ascending, descending and unsorted', () => {
  const steps = ['', 'cvss', '-cvss'].map((sort) => nextSort({ page: 1, sort, q: '' }, 'cvss'))
  assert.deepEqual(steps, ['cvss', '-cvss', ''])
  assert.equal(sortedBy({ page: 1, sort: '-cvss', q: '' }, 'cvss'), 'descending')
  assert.equal(sortedBy({ page: 1, sort: 'cvss', q: '' }, 'title'), undefined)
})

test('very wide tables get fewer rows per page', () => {
  assert.deepEqual([1, 14, 200, 400, 2_000, 10_000].map(rowsPerPage), [100, 100, 100, 50, 10, 10])
  assert.deepEqual([pageCount(0, 100), pageCount(100, 100), pageCount(101, 100)], [1, 1, 2])
})

test('decimals are shown with the digits their file had', () => {
  assert.equal(cellText(1.5, { name: 'price', type: 'REAL', scale: 2 }), '1.50')
  assert.equal(cellText(1.5, { name: 'price', type: 'REAL' }), '1.5')
  assert.equal(cellText('007', { name: 'id', type: 'TEXT' }), '007')
})
