/** The rows of a table as a native table: fast to make, to read, to search with the browser and to copy. */
import type { CellValue, ColumnInfo, ColumnType, RowsPage } from '../../../server/protocol.ts'
import { el } from './dom.ts'
import { cellText, linkOf, matchesIn } from './table-view.ts'

export const TYPE_WORDS: Record<ColumnType, string> = { INTEGER: 'integer', REAL: 'decimal', TEXT: 'text' }

export const isNumber = ({ type }: ColumnInfo): boolean => type !== 'TEXT'

export const isDate = ({ content }: ColumnInfo): boolean => content?.startsWith('date-') ?? false

/** How a column's cells are set: numbers at the end of the line, and figures of dates below each other like theirs. */
export const cellClass = (column: ColumnInfo): string => isNumber(column) ? 'n' : isDate(column) ? 'num' : ''

/** The app speaking inside a cell, in small sans capitals that no data can be mistaken for. */
export const nil = (word: string): HTMLElement => el('span', { class: 'nil' }, word)

/** NULL and the empty string are different things and look different. */
export function cellContent(value: CellValue, column: ColumnInfo): Node | string {
  if (value === null) return nil('null')
  if (value === '') return nil('empty')
  return cellText(value, column)
}

/** A cell's content with what a search found in it marked. */
export function markedContent(value: CellValue, column: ColumnInfo, q: string): Node | string {
  const plain = cellContent(value, column)
  return typeof plain === 'string' ? marked(plain, q) : plain
}

/** The same, and an address leads to its page, in a tab of its own that knows nothing of this one. */
export function richContent(value: CellValue, column: ColumnInfo, q: string, tabindex: 0 | -1 = -1): Node | string {
  const content = markedContent(value, column, q)
  const href = linkOf(value)
  return href === undefined ? content : el('a', { href, target: '_blank', rel: 'noopener noreferrer', tabindex }, content)
}

function marked(text: string, q: string): Node | string {
  const found = matchesIn(text, q)
  if (found.length === 0) return text
  const parts = new DocumentFragment()
  let at = 0
  for (const { from, to } of found) {
    parts.append(text.slice(at, from), el('mark', {}, text.slice(from, to)))
    at = to
  }
  parts.append(text.slice(at))
  return parts
}

/** @param open shows one row whole; the first cell of each row is its button */
export function gridBody({ columns, rows }: Pick<RowsPage, 'columns' | 'rows'>, offset: number, open: (index: number) => void): HTMLElement {
  const classes = columns.map(cellClass)
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

/** What opens a row, named by its first cell. */
export function rowButton(value: CellValue, column: ColumnInfo, number: number, open: () => void, content = cellContent(value, column)): HTMLButtonElement {
  const name = value === null || value === '' ? `row ${number}` : cellText(value, column)
  return el('button', { 'type': 'button', 'class': 'rowopen', 'aria-label': `${name}, show row`, 'on': { click: open } }, content)
}
