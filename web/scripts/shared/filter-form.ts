/** Filters: the form that makes one, and the chips that say which there are. */
import type { ColumnInfo, Filter, FilterOperator } from '../../../server/protocol.ts'
import { el, icon } from './dom.ts'
import { isNumber } from './grid.ts'
import { filterValue, needsValue, operatorWords } from './table-view.ts'

const TEXT_OPERATORS: FilterOperator[] = ['contains', 'eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'empty', 'notempty']
const NUMBER_OPERATORS: FilterOperator[] = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'contains', 'empty', 'notempty']

/** A select that looks like the others. */
export function select(label: string, options: { value: string, text: string }[]): { element: HTMLElement, input: HTMLSelectElement } {
  const input = el('select', { 'aria-label': label }, ...options.map(({ value, text }) => el('option', { value }, text)))
  return { input, element: el('span', { class: 'select select--sm' }, input, icon('chevron-down')) }
}

/** @param columns one where it is settled which, or all to choose from */
export function filterForm(columns: readonly ColumnInfo[], apply: (filter: Filter) => void): HTMLFormElement {
  const column = select('Column', columns.map(({ name }) => ({ value: name, text: name })))
  column.element.classList.add('select--data')
  const operator = select('Condition', [])
  const value = el('input', { 'class': 'input data', 'aria-label': 'Value', 'placeholder': 'Value', 'autocomplete': 'off', 'spellcheck': 'false' })
  const form = el('form', { class: 'colfilter' },
    columns.length > 1 ? column.element : null, operator.element, value,
    el('div', { class: 'colfilter__foot' }, el('button', { class: 'btn btn--primary btn--sm' }, 'Apply filter')))
  const chosen = () => columns.find(({ name }) => name === column.input.value) ?? columns[0]!
  const fit = () => {
    const of = chosen()
    operator.input.replaceChildren(...(isNumber(of) ? NUMBER_OPERATORS : TEXT_OPERATORS).map((one) => el('option', { value: one }, operatorWords(one, of))))
    value.inputMode = isNumber(of) ? 'decimal' : 'text'
    show()
  }
  const show = () => value.hidden = !needsValue(operator.input.value as FilterOperator)
  column.input.addEventListener('change', fit)
  operator.input.addEventListener('change', show)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    apply({ column: chosen().name, operator: operator.input.value as FilterOperator, value: value.hidden ? '' : value.value })
  })
  fit()
  return form
}

/** A filter in words: `severity is critical`. */
export function filterWords(filter: Filter, columns: readonly ColumnInfo[]): string {
  const words = operatorWords(filter.operator, columns.find(({ name }) => name === filter.column))
  return [filter.column, words, filterValue(filter)].filter(Boolean).join(' ')
}

export function filterChip(filter: Filter, columns: readonly ColumnInfo[], remove: () => void): HTMLElement {
  const words = operatorWords(filter.operator, columns.find(({ name }) => name === filter.column))
  const value = filterValue(filter)
  return el('span', { class: 'tag tag--on' },
    el('span', { class: 'data' }, filter.column), ` ${words} `, value ? el('b', { class: 'data' }, value) : needsValue(filter.operator) ? el('b', {}, 'empty text') : null,
    el('button', { 'type': 'button', 'aria-label': `Remove filter ${filterWords(filter, columns)}`, 'on': { click: remove } }, icon('x')))
}
