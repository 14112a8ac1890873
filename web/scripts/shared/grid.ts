/** The rows of a table as a native table: fast to make, to read, to search with the browser and to copy. */
import type { CellValue, ColumnInfo, ColumnType, RowsPage } from '../../../server/protocol.ts'
import { el, icon } from './dom.ts'
import { cellText, sortedBy, type TableView } from './table-view.ts'

export const TYPE_WORDS: Record<ColumnType, string> = { INTEGER: 'integer', REAL: 'decimal', TEXT: 'text' }

export const isNumber = ({ type }: ColumnInfo): boolean => type !== 'TEXT'

/** The app speaking inside a cell, in small sans capitals that no data can be mistaken for. */
export const nil = (word: string): HTMLElement => el('span', { class: 'nil' }, word)

/** NULL and the empty string are different things and look different. */
export function cellContent(value: CellValue, column: ColumnInfo): Node | string {
  if (value === null) return nil('null')
  if (value === '') return nil('empty')
  return cellText(value, column)
}

export function gridHead(columns: ColumnInfo[], view: TableView, sort: (column: string) => void): HTMLElement {
  const heads = columns.map((column) => {
    const sorted = sortedBy(view, column.name)
    const button = el('button', { 'type': 'button', 'class': 'colhead', 'data-sorted': sorted, 'on': { click: () => sort(column.name) } },
      el('span', { class: 'data truncate' }, column.name || ' '),
      el('small', {}, TYPE_WORDS[column.type]),
      icon(sorted === 'descending' ? 'arrow-down' : 'arrow-up'))
    return el('th', { 'scope': 'col', 'aria-sort': sorted, 'class': isNumber(column) ? 'n' : undefined, 'title': column.name }, button)
  })
  return el('thead', {}, el('tr', {}, ...heads))
}

/** @param open shows one row whole; the first cell of each row is its button */
export function gridBody({ columns, rows }: RowsPage, offset: number, open: (index: number) => void): HTMLElement {
  const classes = columns.map((column) => isNumber(column) ? 'n' : '')
  return el('tbody', {}, ...rows.map((row, index) => {
    const line = document.createElement('tr')
    line.setAttribute('aria-rowindex', String(offset + index + 2))
    columns.forEach((column, position) => {
      const value = row[position] ?? null
      const cell = document.createElement(position === 0 ? 'th' : 'td')
      if (classes[position]) cell.className = classes[position]
      if (position === 0) {
        cell.scope = 'row'
        cell.append(rowButton(value, column, offset + index + 1, () => open(index)))
      } else {
        cell.append(cellContent(value, column))
      }
      line.append(cell)
    })
    return line
  }))
}

function rowButton(value: CellValue, column: ColumnInfo, number: number, open: () => void): HTMLElement {
  const name = value === null || value === '' ? `row ${number}` : cellText(value, column)
  return el('button', { 'type': 'button', 'class': 'rowopen', 'aria-label': `${name}, show row`, 'on': { click: open } }, cellContent(value, column))
}
