/** One row, whole: every column and its full value, beside the grid. */
import type { CellValue, RowsPageSoFar } from '../../../server/protocol.ts'
import { copyText } from './clipboard.ts'
import { el, icon } from './dom.ts'
import { count } from './format.ts'
import { cellContent, richContent } from './grid.ts'
import type { IconName } from './icon-names.ts'
import { asCsv, asJson, cellText } from './table-view.ts'

export interface RowDetailOptions {
  page: RowsPageSoFar
  /** Of the first row of the page, from 0. */
  offset: number
  index: number
  /** Whether there are rows beyond the page's own, to which `go` leads as well. */
  hasMore?: { before: boolean, after: boolean }
  /** What a search found is marked. */
  q?: string
  go: (index: number) => void
  close: () => void
  announce?: (text: string) => void
}

export function rowDetail({ page, offset, index, hasMore, q = '', go, close, announce }: RowDetailOptions): HTMLElement {
  const row = page.rows[index] ?? []
  const button = (label: string, name: IconName, press: () => void, enabled = true) =>
    el('button', { 'type': 'button', 'class': 'btn btn--quiet btn--icon btn--sm', 'aria-label': label, 'disabled': !enabled, 'on': { click: press } }, icon(name))
  const first = page.columns[0]
  const heading = el('h2', { class: 'data truncate', tabindex: -1 }, first ? cellContent(row[0] ?? null, first) : '')
  const source = el('pre', { class: 'vh' })
  const copy = async (text: string, what: string) => {
    source.textContent = text
    announce?.(await copyText(text, source) ? `Copied ${what}.` : `${what} could not be copied.`)
  }
  const value = (position: number): CellValue => row[position] ?? null
  const copying = announce && el('div', { class: 'detail__copy' },
    el('button', { type: 'button', class: 'btn btn--sm', on: { click: () => void copy(asCsv(page.columns, [row]), 'the row as CSV') } }, icon('copy'), 'Copy as CSV'),
    el('button', { type: 'button', class: 'btn btn--sm', on: { click: () => void copy(asJson(page.columns, row), 'the row as JSON') } }, icon('copy'), 'Copy as JSON'))
  const rowsInAll = page.total === null ? '' : ` of ${count(page.total)}`
  return el('aside', { 'class': 'detail', 'aria-label': 'Row detail', 'on': { keydown: (event) => event.key === 'Escape' && close() } },
    el('header', {},
      el('div', {}, el('p', { class: 'xs muted num' }, `Row ${count(offset + index + 1)}${rowsInAll}`), heading),
      el('div', { class: 'detail__nav' },
        button('Previous row', 'arrow-up', () => go(index - 1), index > 0 || hasMore?.before === true),
        button('Next row', 'arrow-down', () => go(index + 1), index < page.rows.length - 1 || hasMore?.after === true),
        button('Close row', 'x', close))),
    copying,
    el('dl', {}, ...page.columns.map((column, position) => el('div', {},
      el('dt', {}, el('span', { class: 'data' }, column.name)),
      el('dd', {}, el('span', { class: 'data', dir: 'auto' }, richContent(value(position), column, q, 0)),
        announce && button(`Copy ${column.name}`, 'copy', () => {
          const one = value(position)
          void copy(one === null ? '' : cellText(one, column), column.name)
        }))))),
    source)
}
