import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeSort, type ColumnInfo } from '../../../server/protocol.ts'
import {
  anyOf, asCsv, asJson, cellText, chooseColumns, filterValue, linkOf, matchesIn, operatorWords, orderOf, pageCount, readView,
  rowsPerPage, shownColumns, sortedBy, textWidth, writeView,
  type TableView,
} from './table-view.ts'

const PLAIN: TableView = { page: 1, perPage: 100, sort: '', q: '', filters: [], columns: { are: 'hidden', names: [] }, row: 0 }
const COLUMNS: ColumnInfo[] = [{ name: 'id', type: 'INTEGER' }, { name: 'price', type: 'REAL', scale: 2 }, { name: 'name', type: 'TEXT' }]

test('a view survives the trip through the address', () => {
  const view: TableView = {
    page: 3, perPage: 250, sort: '-cvss', q: 'a&b=ü', row: 512, columns: { are: 'hidden', names: ['x,y', 'z'] },
    filters: [{ column: 'a]=b', operator: 'eq', value: ':1' }, { column: 'c', operator: 'empty', value: '' }, { column: 'a]=b', operator: 'in', value: '["x",null]' }],
  }
  assert.deepEqual(readView(writeView(view)), view)
  assert.deepEqual(readView(writeView({ ...PLAIN, columns: { are: 'shown', names: ['id'] } })).columns, { are: 'shown', names: ['id'] })
  assert.equal(writeView(PLAIN), '')
})

test('nonsense in the address is the first page of everything', () => {
  for (const search of ['', '?page=0', '?page=-2', '?page=x', '?page=1.5', '?page=1e99', '?size=7', '?row=x', '?filter[a]=like:b', '?filter=eq:1']) assert.deepEqual(readView(search), PLAIN)
})

test('a view knows its order and its number of pages', () => {
  const sorted = (sort: string, column: string) => sortedBy(orderOf({ sort }, COLUMNS), column)
  assert.deepEqual([sorted('-price', 'price'), sorted('price', 'price'), sorted('price', 'name'), sorted('', 'price')], ['descending', 'ascending', undefined, undefined])
  assert.deepEqual([1, 14, 200, 400, 2_000, 10_000].map(rowsPerPage), [100, 100, 100, 50, 10, 10])
  assert.deepEqual([pageCount(0, 100), pageCount(100, 100), pageCount(101, 100)], [1, 1, 2])
})

test('any column can be sorted by either way, whatever sign its name and those of others begin with', () => {
  const tables = [['a'], ['-a'], ['+a'], ['a', '-a'], ['a', '+a'], ['a', '-a', '+a', '--a', '++a'], ['', '-'], ['-', '--'], ['+', '++']]
  for (const columns of tables.map((names): ColumnInfo[] => names.map((name) => ({ name, type: 'TEXT' })))) {
    for (const { name: column } of columns) {
      for (const descending of [false, true]) assert.deepEqual(orderOf({ sort: writeSort({ column, descending }, columns) }, columns), { column, descending })
    }
  }
})

test('columns are named by whichever are fewer, hidden or shown, and one is always on show', () => {
  const chosen = (...names: string[]) => chooseColumns(COLUMNS, new Set(names))
  assert.deepEqual(chosen('id', 'name'), { are: 'hidden', names: ['price'] })
  assert.deepEqual(chosen('name'), { are: 'shown', names: ['name'] })
  for (const columns of [chosen('id', 'name'), chosen('name')]) {
    assert.deepEqual(chooseColumns(COLUMNS, new Set(shownColumns({ ...PLAIN, columns }, COLUMNS).map(({ name }) => name))), columns)
  }
  assert.deepEqual(shownColumns({ ...PLAIN, columns: { are: 'hidden', names: ['id', 'price', 'name'] } }, COLUMNS), [COLUMNS[0]])
  assert.deepEqual(shownColumns({ ...PLAIN, columns: { are: 'shown', names: ['gone'] } }, COLUMNS), [COLUMNS[0]])
})

test('conditions are said in words that fit the column', () => {
  assert.equal(operatorWords('gt', COLUMNS[0]), 'is more than')
  assert.equal(operatorWords('gt', COLUMNS[2]), 'is after')
  assert.equal(filterValue(anyOf('name', ['a', null])), 'a, null')
  assert.deepEqual(anyOf('name', ['a']), { column: 'name', operator: 'eq', value: 'a' })
  assert.deepEqual(anyOf('name', [null]), { column: 'name', operator: 'in', value: '[null]' })
})

test('decimals are shown with the digits their file had', () => {
  assert.equal(cellText(1.5, COLUMNS[1]!), '1.50')
  assert.equal(cellText(1.5, { name: 'price', type: 'REAL' }), '1.5')
  assert.equal(cellText('007', { name: 'id', type: 'TEXT' }), '007')
})

test('only addresses of the web are links', () => {
  assert.equal(linkOf('https://example.com/a?b=c'), 'https://example.com/a?b=c')
  for (const value of ['javascript:alert(1)', 'data:text/html,x', ' https://example.com', 'https://example.com x', 'see https://example.com', 'https://', 'ftp://a', 7, null]) assert.equal(linkOf(value), undefined, String(value))
})

test('what a search found is marked as the server compares', () => {
  assert.deepEqual(matchesIn('Srv-SRV', 'srv'), [{ from: 0, to: 3 }, { from: 4, to: 7 }])
  assert.deepEqual(matchesIn('Ärger', 'ä'), [])
  assert.deepEqual(matchesIn('aaa', 'aa'), [{ from: 0, to: 2 }])
  assert.deepEqual(matchesIn('abc', ''), [])
})

test('rows are copied as the export writes them', () => {
  assert.equal(asCsv(COLUMNS, [[1, 1.5, 'a "b", c'], [null, null, '']]), 'id,price,name\r\n1,1.50,"a ""b"", c"\r\n,,\r\n')
  assert.deepEqual(JSON.parse(asJson(COLUMNS, [1, null, 'ü'])), { id: 1, price: null, name: 'ü' })
})

test('characters of East Asia and emoji are as wide as two', () => {
  assert.deepEqual([textWidth('abc'), textWidth('日本'), textWidth('🙂'), textWidth('é')], [3, 4, 2, 1])
})
