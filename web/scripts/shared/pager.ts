/** The line under a grid: which rows these are, and the way to the others. */
import { el, icon } from './dom.ts'
import { count, plural } from './format.ts'
import { select } from './filter-form.ts'
import type { IconName } from './icon-names.ts'
import { PAGE_SIZES, pageCount } from './table-view.ts'

export interface PagerState {
  /** Null while the rows are counted. */
  total: number | null
  /** Rows on this page. */
  shown: number
  offset: number
  perPage: number
  /** Where they are why a page has few rows. */
  columns?: number
  /** Absent where the rows are in the order of the table. */
  sortColumn?: string | undefined
  /** From 1. */
  page: number
  /** Offered where the sort reads the whole table. */
  speedUp?: (() => void) | undefined
}

export class Pager {
  readonly element: HTMLElement
  readonly #where = el('span')
  readonly #pages = el('span')
  readonly #size = select('Rows per page', PAGE_SIZES.map((size) => ({ value: String(size), text: `${size} per page` })))
  readonly #input = el('input', { class: 'input', inputmode: 'numeric', autocomplete: 'off' })
  readonly #buttons: { button: HTMLButtonElement, to: (page: number, pages: number) => number }[]
  #page = 1
  #total = 1

  /** @param resize is told how many rows a page is to have; absent where that is settled */
  constructor(go: (page: number) => void, resize?: (perPage: number) => void) {
    const button = (label: string, name: IconName, to: (page: number, pages: number) => number) => {
      const press = () => {
        const page = to(this.#page, this.#total)
        if (page !== this.#page) go(page)
      }
      return { to, button: el('button', { 'type': 'button', 'class': 'btn btn--quiet btn--icon btn--sm', 'aria-label': label, 'on': { click: press } }, icon(name)) }
    }
    const first = button('First page', 'chevrons-left', () => 1)
    const previous = button('Previous page', 'chevron-left', (page) => Math.max(1, page - 1))
    const next = button('Next page', 'chevron-right', (page, pages) => Math.min(pages, page + 1))
    const last = button('Last page', 'chevrons-right', (_, pages) => pages)
    this.#buttons = [first, previous, next, last]
    this.#size.input.addEventListener('change', () => resize?.(Number(this.#size.input.value)))
    this.#size.element.hidden = resize === undefined
    this.#size.element.classList.add('pager__size')
    this.#input.addEventListener('change', () => {
      const wanted = Math.round(Number(this.#input.value.replace(/[^\d]/g, '')))
      const page = Math.min(this.#total, Math.max(1, wanted || this.#page))
      this.#input.value = String(page)
      if (page !== this.#page) go(page)
    })
    this.element = el('footer', { class: 'pager' }, this.#where,
      el('nav', { 'class': 'pager__nav', 'aria-label': 'Pages' }, this.#size.element, first.button, previous.button,
        el('label', { class: 'pager__page' }, el('span', { class: 'vh' }, 'Page'), this.#input, this.#pages), next.button, last.button))
  }

  paint({ total, shown, offset, perPage, columns, sortColumn, page, speedUp }: PagerState): void {
    const isTyped = page === this.#page && this.#input === document.activeElement
    this.#page = page
    // While rows are counted there is at least this page, and one more if it is full.
    this.#total = total === null ? page + (shown === perPage ? 1 : 0) : pageCount(total, perPage)
    const bold = (value: number) => el('b', {}, count(value))
    this.#where.replaceChildren(
      ...shown === 0
        ? ['No rows']
        : ['Rows ', bold(offset + 1), ' to ', bold(offset + shown), el('span', { class: 'pager__total' }, total === null ? ', counting…' : ` of ${count(total)}`)],
      sortColumn !== undefined ? el('span', { class: 'pager__sort muted' }, ', sorted by ', el('span', { class: 'data' }, sortColumn)) : '',
      columns !== undefined && perPage < PAGE_SIZES[0]
        ? el('span', { class: 'pager__sort muted' }, `, ${plural(perPage, 'row')} a page because of ${plural(columns, 'column')}`)
        : '',
      speedUp ? el('span', { class: 'pager__sort' }, '. ', el('button', { type: 'button', class: 'link', on: { click: speedUp } }, 'Make this faster')) : '')
    this.#size.input.value = String(perPage)
    if (!isTyped) this.#input.value = String(page)
    this.#pages.textContent = total === null ? '' : ` of ${count(this.#total)}`
    for (const { button, to } of this.#buttons) {
      // Not disabled: a button that vanishes from under the focus loses the keyboard's place.
      button.setAttribute('aria-disabled', String(to(page, this.#total) === page || (total === null && button.getAttribute('aria-label') === 'Last page')))
    }
  }
}
