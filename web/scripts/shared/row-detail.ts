/** One row, whole: every column and its full value, beside the grid. */
import type { RowsPage } from '../../../server/protocol.ts'
import { el, icon } from './dom.ts'
import { count } from './format.ts'
import { cellContent } from './grid.ts'

export interface RowDetailOptions {
  page: RowsPage
  /** Of the first row of the page, from 0. */
  offset: number
  index: number
  go: (index: number) => void
  close: () => void
}

export function rowDetail({ page, offset, index, go, close }: RowDetailOptions): HTMLElement {
  const row = page.rows[index] ?? []
  const button = (label: string, name: 'arrow-up' | 'arrow-down' | 'x', press: () => void, enabled = true) =>
    el('button', { 'type': 'button', 'class': 'btn btn--quiet btn--icon btn--sm', 'aria-label': label, 'disabled': !enabled, 'on': { click: press } }, icon(name))
  const first = page.columns[0]
  const heading = el('h2', { class: 'data truncate', tabindex: -1 }, first ? cellContent(row[0] ?? null, first) : '')
  return el('aside', { 'class': 'detail', 'aria-label': 'Row detail', 'on': { keydown: (event) => event.key === 'Escape' && close() } },
    el('header', {},
      el('div', {}, el('p', { class: 'xs muted num' }, `Row ${count(offset + index + 1)} of ${count(page.total)}`), heading),
      el('div', { class: 'detail__nav' },
        button('Previous row', 'arrow-up', () => go(index - 1), index > 0),
        button('Next row', 'arrow-down', () => go(index + 1), index < page.rows.length - 1),
        button('Close row', 'x', close))),
    el('dl', {}, ...page.columns.map((column, position) => el('div', {},
      el('dt', {}, el('span', { class: 'data' }, column.name)),
      el('dd', {}, el('span', { class: 'data' }, cellContent(row[position] ?? null, column)))))))
}
