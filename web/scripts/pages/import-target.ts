/** The panel "Where it goes": the mode, the table, the key. Draws the form and tells what is changed in it. */
import type { ImportMode, ImportPreview, TableInfo } from '../../../server/protocol.ts'
import { el, icon, setText } from '../shared/dom.ts'
import { plural } from '../shared/format.ts'
import { sameName, type ImportForm } from '../shared/import-options.ts'
import { keyCandidates, likelyTable, targetTable, unmatched } from '../shared/import-plan.ts'

const MODES: { mode: ImportMode, word: string, hint: string }[] = [
  { mode: 'create', word: 'Create a new table', hint: 'Nothing else is touched.' },
  { mode: 'append', word: 'Append', hint: 'Add every row after the existing ones.' },
  { mode: 'upsert', word: 'Update and add', hint: 'Match on a key. Same key: update. New key: add.' },
  { mode: 'replace', word: 'Replace all', hint: 'Swap the old rows for the rows in this file.' },
]

export interface TargetState {
  form: ImportForm
  preview: ImportPreview | undefined
  tables: readonly TableInfo[]
  /** What the server says of the new table's name. */
  nameError: string | undefined
}

export class TargetPanel {
  readonly element: HTMLElement
  readonly #change: (form: Partial<ImportForm>) => void
  readonly #radios = new Map<ImportMode, HTMLInputElement>()
  readonly #name = el('input', { 'id': 'import-table-name', 'class': 'input data', 'spellcheck': 'false', 'autocomplete': 'off', 'aria-describedby': 'import-table-hint' })
  readonly #nameHint = el('span', { id: 'import-table-hint', class: 'field__hint' })
  readonly #table = el('select', { 'id': 'import-table', 'aria-describedby': 'import-match' })
  readonly #match = el('span', { id: 'import-match', class: 'field__hint num' })
  readonly #key = el('select', { 'id': 'import-key', 'aria-describedby': 'import-key-hint' })
  readonly #keys = el('ul', { 'class': 'tags', 'aria-label': 'Rows match by' })
  readonly #addColumns = el('input', { type: 'checkbox' })
  readonly #warning = el('span')
  readonly #fields: Record<'name' | 'table' | 'key' | 'add' | 'warning', HTMLElement>
  #state: TargetState | undefined
  /** What the lists were made from. */
  #listed = { tables: '', key: '', keys: '' }

  constructor(change: (form: Partial<ImportForm>) => void) {
    this.#change = change
    const field = (...content: Node[]) => el('div', { class: 'field' }, ...content)
    const select = (inner: HTMLElement) => el('span', { class: 'select select--data' }, inner, icon('chevron-down'))
    this.#fields = {
      name: field(el('label', { for: 'import-table-name' }, 'Table name'), this.#name, this.#nameHint),
      table: field(el('label', { for: 'import-table' }, 'Table'), select(this.#table), this.#match),
      key: field(el('label', { for: 'import-key' }, 'Key columns'), this.#keys, select(this.#key),
        el('span', { id: 'import-key-hint', class: 'field__hint' }, 'A key that repeats in the file ends the import, and nothing is changed.')),
      add: el('label', { class: 'check' }, this.#addColumns, 'Add new columns'),
      warning: el('p', { class: 'banner banner--warn' }, icon('triangle-alert'), this.#warning),
    }
    const place = el('div', { class: 'form' })
    this.element = el('section', { 'class': 'panel', 'aria-labelledby': 'h-target' },
      el('div', { class: 'panel__head' }, el('h2', { id: 'h-target' }, 'Where it goes')),
      el('div', { class: 'panel__body form' }, this.#modes(), place))
    place.append(...Object.values(this.#fields))
    this.#name.addEventListener('input', () => change({ newTable: this.#name.value }))
    this.#table.addEventListener('change', () => change({ table: this.#table.value || undefined }))
    this.#key.addEventListener('change', () => this.#addKey())
    this.#addColumns.addEventListener('change', () => change({ addColumns: this.#addColumns.checked }))
  }

  #modes(): HTMLElement {
    const choices = MODES.map(({ mode, word, hint }) => {
      const radio = el('input', {
        'type': 'radio', 'name': 'mode', 'value': mode, 'aria-labelledby': `mode-${mode}`, 'aria-describedby': `mode-${mode}-hint`,
        'on': { change: () => this.#setMode(mode) },
      })
      this.#radios.set(mode, radio)
      return el('label', { class: 'choice' }, radio, el('b', { id: `mode-${mode}` }, word), el('span', { id: `mode-${mode}-hint` }, hint))
    })
    return el('fieldset', { class: 'field' }, el('legend', {}, 'What to do with the rows'), el('div', { class: 'choices' }, ...choices))
  }

  #setMode(mode: ImportMode): void {
    const { form, preview, tables } = this.#state ?? {}
    const needsTable = mode !== 'create' && form?.table === undefined && preview && tables
    this.#change({ mode, ...(needsTable && { table: likelyTable(preview, tables) }) })
  }

  #addKey(): void {
    const { value } = this.#key
    this.#key.value = ''
    if (value && this.#state) this.#change({ key: [...this.#state.form.key, value] })
  }

  paint(state: TargetState): void {
    this.#state = state
    const { form, preview, tables, nameError } = state
    const { mode } = form
    for (const [name, radio] of this.#radios) {
      radio.checked = name === mode
      radio.disabled = name !== 'create' && tables.length === 0
    }
    const table = targetTable(state)
    this.#fields.name.hidden = mode !== 'create'
    this.#fields.table.hidden = mode === 'create'
    this.#fields.key.hidden = mode !== 'upsert'
    this.#fields.add.hidden = mode !== 'append' && mode !== 'upsert'
    this.#fields.warning.hidden = mode !== 'replace' || !table?.rows
    if (this.#name !== document.activeElement) this.#name.value = form.newTable ?? preview?.suggestedTable ?? ''
    this.#name.setAttribute('aria-invalid', String(nameError !== undefined))
    setText(this.#nameHint, nameError ?? 'Letters, digits, spaces and _ - .')
    this.#nameHint.classList.toggle('bad', nameError !== undefined)
    this.#addColumns.checked = form.addColumns
    this.#listTables(tables, form)
    setText(this.#match, table ? matchWords(form, preview, table) : 'Choose where the rows go.')
    this.#paintKey(form, keyCandidates(preview ?? EMPTY, table))
    if (table) {
      this.#warning.replaceChildren(el('b', {}, `${plural(table.rows, 'row')} ${table.rows === 1 ? 'leaves' : 'leave'} the table.`),
        ' They are kept aside so that this import can be undone.')
    }
  }

  #listTables(tables: readonly TableInfo[], { table }: ImportForm): void {
    const says = JSON.stringify(tables.map(({ name }) => name))
    if (this.#listed.tables !== says) {
      this.#listed.tables = says
      this.#table.replaceChildren(el('option', { value: '' }, 'Choose a table'), ...tables.map(({ name }) => el('option', {}, name)))
    }
    const chosen = tables.find(({ name }) => table !== undefined && sameName(name, table))?.name ?? ''
    if (this.#table.value !== chosen) this.#table.value = chosen
  }

  #paintKey({ key }: ImportForm, candidates: string[]): void {
    const left = candidates.filter((name) => !key.some((chosen) => sameName(chosen, name)))
    const says = JSON.stringify(left)
    if (this.#listed.key !== says) {
      this.#listed.key = says
      this.#key.replaceChildren(el('option', { value: '' }, key.length > 0 ? 'Add a column' : 'Choose a column'), ...left.map((name) => el('option', {}, name)))
    }
    if (this.#listed.keys === JSON.stringify(key)) return
    this.#listed.keys = JSON.stringify(key)
    const hadFocus = this.#keys.contains(document.activeElement)
    this.#keys.hidden = key.length === 0
    this.#keys.replaceChildren(...key.map((name) => el('li', { class: 'tag tag--on data' }, name,
      el('button', { 'type': 'button', 'aria-label': `Remove ${name}`, 'on': { click: () => this.#change({ key: key.filter((other) => other !== name) }) } }, icon('x')))))
    if (hadFocus) this.#key.focus()
  }
}

const EMPTY: ImportPreview = {
  dialect: { delimiter: ',', quote: '"', escape: '"', newline: '\n', encoding: 'utf-8', header: true, skipLines: 0 },
  columns: [], rows: [], suggestedTable: '', rowsSampled: 0, rowsRejected: 0, notices: [],
}

function matchWords({ mode }: ImportForm, preview: ImportPreview | undefined, table: TableInfo): string {
  const size = `${plural(table.rows, 'row')}, ${plural(table.columns.length, 'column')}`
  if (!preview || mode === 'replace') return size
  const strangers = unmatched(preview, table).length
  return `${size}, ${strangers === 0 ? 'all names match' : `${plural(strangers, 'column')} of the file ${strangers === 1 ? 'is' : 'are'} not in it`}`
}
