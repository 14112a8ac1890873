/** The first rows as they will land, with a name, a type and a choice for each column. */
import type { ColumnChoice, ColumnType, ImportPreview, PreviewColumn } from '../../../server/protocol.ts'
import { el, icon, setText } from '../shared/dom.ts'
import { count, plural } from '../shared/format.ts'
import { nil } from '../shared/grid.ts'
import { columnHint, fits } from '../shared/import-plan.ts'
import { sameName, type ImportForm } from '../shared/import-options.ts'

/** Columns made at a time; thousands of selects would make the page stutter. */
const COLUMNS_AT_ONCE = 60

const TYPE_WORDS: Record<ColumnType, string> = { TEXT: 'Text', INTEGER: 'Integer', REAL: 'Decimal' }

interface Head {
  element: HTMLElement
  update: (column: PreviewColumn, index: number, preview: ImportPreview, form: ImportForm) => void
}

export class PreviewGrid {
  readonly element: HTMLElement
  readonly #wrap: HTMLElement
  readonly #row = el('tr')
  readonly #body = el('tbody')
  readonly #more: HTMLButtonElement
  readonly #change: (column: string, choice: ColumnChoice) => void
  #heads: Head[] = []
  /** Names of the columns that have a head. */
  #names = ''
  #most = COLUMNS_AT_ONCE
  #shown: { preview: ImportPreview, form: ImportForm } | undefined

  constructor(change: (column: string, choice: ColumnChoice) => void) {
    this.#change = change
    this.#more = el('button', { type: 'button', class: 'btn btn--sm', on: { click: () => this.#showMore() } })
    this.#wrap = el('div', { 'class': 'grid-wrap preview', 'tabindex': 0, 'role': 'region', 'aria-label': 'Preview, first 20 rows' },
      el('table', { class: 'grid grid--preview' }, el('thead', {}, this.#row), this.#body))
    this.element = el('div', {}, this.#wrap, el('div', { class: 'panel__foot', hidden: true }, this.#more))
  }

  /** Draws a preview. The focus and the place scrolled to stay as long as the columns are the same. */
  paint(preview: ImportPreview, form: ImportForm): void {
    this.#shown = { preview, form }
    const columns = preview.columns.slice(0, this.#most)
    const names = JSON.stringify(columns.map(({ name }) => name))
    if (names !== this.#names) {
      this.#names = names
      this.#heads = columns.map(({ name }) => this.#head(name))
      this.#row.replaceChildren(el('th', { scope: 'col' }, el('span', { class: 'vh' }, 'Row')), ...this.#heads.map(({ element }) => element))
    }
    columns.forEach((column, index) => this.#heads[index]?.update(column, index, preview, form))
    this.#body.replaceChildren(...preview.rows.map((row, index) => bodyRow(row, index, columns)))
    const left = preview.columns.length - columns.length
    this.#more.parentElement!.hidden = left === 0
    setText(this.#more, `Show ${count(Math.min(left, COLUMNS_AT_ONCE))} more of ${plural(preview.columns.length, 'column')}`)
  }

  #showMore(): void {
    this.#most += COLUMNS_AT_ONCE
    if (this.#shown) this.paint(this.#shown.preview, this.#shown.form)
  }

  #head(name: string): Head {
    let choice: ColumnChoice = {}
    const change = (more: ColumnChoice) => {
      choice = { ...choice, ...more }
      this.#change(name, choice)
    }
    const isIn = el('input', { 'type': 'checkbox', 'aria-label': `Import ${name}`, 'on': { change: () => change({ skip: !isIn.checked }) } })
    const rename = el('input', {
      'class': 'input input--sm data', 'aria-label': `Name of ${name}`, 'spellcheck': 'false', 'autocomplete': 'off', 'maxlength': 200,
      'on': { input: () => change({ rename: rename.value }) },
    })
    const automatic = el('option', { value: '' })
    const type = el('select', { 'aria-label': `Type of ${name}` }, automatic,
      ...Object.entries(TYPE_WORDS).map(([value, word]) => el('option', { value }, word)))
    type.addEventListener('change', () => {
      const { type: _old, ...rest } = choice
      choice = type.value === '' ? rest : { ...rest, type: type.value as ColumnType }
      change({})
    })
    const hint = el('small')
    const key = el('span', { class: 'key', title: 'Part of the key', hidden: true }, icon('key-round'), el('span', { class: 'vh' }, 'key column'))
    const element = el('th', { scope: 'col' },
      el('span', { class: 'colname' }, isIn, rename, key), el('span', { class: 'select select--sm' }, type, icon('chevron-down')), hint)
    return {
      element,
      update: (column, index, preview, form) => {
        choice = form.columns[name] ?? {}
        // Line and reason in a file of rejected rows are no data, whatever is chosen.
        const isNeverIn = column.isSkipped && !choice.skip
        isIn.checked = !choice.skip && !isNeverIn
        isIn.disabled = isNeverIn
        rename.disabled = type.disabled = isNeverIn || choice.skip === true
        if (rename !== document.activeElement) rename.value = column.as
        rename.title = rename.value
        rename.size = Math.min(32, Math.max(8, column.as.length))
        setText(automatic, choice.type ? 'Automatic' : `${TYPE_WORDS[column.type]}, automatic`)
        if (type.value !== (choice.type ?? '')) type.value = choice.type ?? ''
        element.classList.toggle('is-out', column.isSkipped)
        element.classList.toggle('n', column.type !== 'TEXT')
        key.hidden = form.mode !== 'upsert' || column.isSkipped || !form.key.some((wanted) => sameName(wanted, column.as))
        const { text, isBad } = columnHint(preview, index)
        setText(hint, text)
        hint.className = isBad ? 'bad' : ''
      },
    }
  }
}

function bodyRow(row: string[], index: number, columns: PreviewColumn[]): HTMLElement {
  return el('tr', {}, el('th', { scope: 'row' }, count(index + 1)), ...columns.map(({ type, isSkipped, misfits }, place) => {
    const value = row[place] ?? ''
    const isBad = !isSkipped && misfits > 0 && !fits(value, type)
    const looks = [isSkipped && 'is-out', isBad && 'is-bad', type !== 'TEXT' && 'n'].filter((name) => name !== false).join(' ')
    return el('td', { class: looks || undefined }, value === '' ? nil(type === 'TEXT' ? 'empty' : 'null') : value)
  }))
}
