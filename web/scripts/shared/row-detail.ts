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

/** The place beside a grid where one row at a time is shown whole. */
export class RowDrawer {
  readonly #beside: HTMLElement
  #shown: HTMLElement | undefined

  /** @param beside holds the grid and, after it, the row */
  constructor(beside: HTMLElement) {
    this.#beside = beside
  }

  /** Shows a row in place of the one before. The focus stays on the button that it was on; when the drawer opens, the heading has it. */
  show(options: RowDetailOptions): void {
    const before = this.#shown
    const hadFocus = before?.contains(document.activeElement) ?? false
    const focused = hadFocus ? document.activeElement?.getAttribute('aria-label') : undefined
    const detail = rowDetail(options)
    before?.remove()
    this.#beside.append(detail)
    this.#shown = detail
    // The page scrolls where the window is low.
    if (!before) detail.scrollIntoView({ block: 'nearest' })
    if (before && !hadFocus) return
    const again = focused && [...detail.querySelectorAll('button')].find((button) => button.getAttribute('aria-label') === focused && !button.disabled)
    ;(again || detail.querySelector<HTMLElement>('h2'))?.focus({ preventScroll: true })
  }

  close(): void {
    this.#shown?.remove()
    this.#shown = undefined
  }
}

function rowDetail({ page, offset, index, hasMore, q = '', go, close, announce }: RowDetailOptions): HTMLElement {
  const row = page.rows[index] ?? []
  const button = (label: string, name: IconName, press: () => void, enabled = true) =>
    el('button', { 'type': 'button', 'class': 'btn btn--quiet btn--icon btn--sm', 'aria-label': label, 'disabled': !enabled, 'on': { click: press } }, icon(name))
  const first = page.columns[0]
  const heading = el('h2', { class: 'data truncate', dir: 'auto', tabindex: -1 }, first ? cellContent(row[0] ?? null, first) : '')
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
