/** The panel "How the file is read": what was detected, and every piece of it to be set by hand. */
import type { Dialect, ImportPreview } from '../../../server/protocol.ts'
import { el, icon, setText } from '../shared/dom.ts'
import type { ImportForm, Reading, RowErrorRule } from '../shared/import-options.ts'

const DELIMITERS: Record<string, string> = { ',': 'Comma ( , )', ';': 'Semicolon ( ; )', '\t': 'Tab', '|': 'Pipe ( | )' }
const QUOTES: Record<string, string> = { '"': 'Double ( " )', '\'': 'Single ( \' )', '': 'None' }
const ENCODINGS: Record<string, string> = {
  'utf-8': 'UTF-8', 'utf-16le': 'UTF-16 LE', 'utf-16be': 'UTF-16 BE', 'windows-1252': 'Windows-1252', 'iso-8859-2': 'ISO-8859-2',
  'iso-8859-15': 'ISO-8859-15', 'windows-1250': 'Windows-1250', 'windows-1251': 'Windows-1251', 'shift_jis': 'Shift JIS', 'gb18030': 'GB 18030', 'big5': 'Big5', 'euc-kr': 'EUC-KR',
}
const RULES: Record<RowErrorRule, string> = { reject: 'Reject them, never stop', abort: 'Stop at the first one' }

/** Values of a select that stand for no value of the file's. */
const AUTOMATIC = 'automatic'
const OTHER = 'other'

/** A select whose first entry is what was detected. */
class DetectedSelect {
  readonly select: HTMLSelectElement
  readonly #automatic = el('option', { value: AUTOMATIC })
  readonly #words: Record<string, string>

  constructor(id: string, words: Record<string, string>, extra: HTMLOptionElement[], chosen: (value: string) => void) {
    this.#words = words
    this.select = el('select', { id }, this.#automatic, ...Object.entries(words).map(([value, word]) => el('option', { value: `=${value}` }, word)), ...extra)
    this.select.addEventListener('change', () => chosen(this.select.value))
  }

  /** @param chosen what a person set */
  paint(chosen: string | undefined, detected: string | undefined): void {
    const word = detected === undefined ? undefined : this.#words[detected] ?? detected
    setText(this.#automatic, chosen !== undefined || word === undefined ? 'Automatic' : `${word}, detected`)
    const value = chosen === undefined ? AUTOMATIC : chosen in this.#words ? `=${chosen}` : OTHER
    if (this.select.value !== value) this.select.value = value
  }
}

export class ReadingPanel {
  readonly element: HTMLElement
  readonly #change: (form: Partial<ImportForm>) => void
  readonly #delimiter: DetectedSelect
  readonly #quote: DetectedSelect
  readonly #encoding: DetectedSelect
  readonly #other = el('input', { 'class': 'input data', 'aria-label': 'Other delimiter', 'maxlength': 8, 'autocomplete': 'off', 'spellcheck': 'false', 'hidden': true })
  readonly #header = el('input', { type: 'checkbox' })
  readonly #skipLines = el('input', { id: 'import-skip', class: 'input num', type: 'number', inputmode: 'numeric', min: 0, max: 10_000, step: 1 })
  readonly #rule = el('select', { id: 'import-rule' }, ...Object.entries(RULES).map(([value, word]) => el('option', { value }, word)))
  readonly #state = el('span', { class: 'small muted' })
  #reading: Reading = {}
  /** The person wants another delimiter and has not typed it yet. */
  #wantsOther = false

  constructor(change: (form: Partial<ImportForm>) => void) {
    this.#change = change
    this.#delimiter = new DetectedSelect('import-delimiter', DELIMITERS, [el('option', { value: OTHER }, 'Other…')], (value) => this.#chooseDelimiter(value))
    this.#quote = new DetectedSelect('import-quote', QUOTES, [], (value) => this.#set('quote', value))
    this.#encoding = new DetectedSelect('import-encoding', ENCODINGS, [], (value) => this.#set('encoding', value))
    this.#other.addEventListener('input', () => this.#setReading({ delimiter: this.#other.value || undefined }))
    this.#header.addEventListener('change', () => this.#setReading({ header: this.#header.checked }))
    this.#skipLines.addEventListener('input', () => {
      if (this.#skipLines.validity.valid) this.#setReading({ skipLines: this.#skipLines.value === '' ? undefined : Number(this.#skipLines.value) })
    })
    this.#rule.addEventListener('change', () => change({ onRowError: this.#rule.value as RowErrorRule }))
    const select = (inner: HTMLElement) => el('span', { class: 'select' }, inner, icon('chevron-down'))
    const field = (id: string, word: string, wide: boolean, ...inner: Node[]) =>
      el('div', { class: wide ? 'field form__wide' : 'field' }, el('label', { for: id }, word), ...inner)
    this.element = el('section', { 'class': 'panel', 'aria-labelledby': 'h-reading' },
      el('div', { class: 'panel__head' }, el('h2', { id: 'h-reading' }, 'How the file is read'), this.#state),
      el('div', { class: 'panel__body form form--2' },
        field('import-delimiter', 'Delimiter', true, select(this.#delimiter.select), this.#other),
        field('import-encoding', 'Encoding', true, select(this.#encoding.select)),
        field('import-quote', 'Quote', false, select(this.#quote.select)),
        field('import-skip', 'Lines to skip', false, this.#skipLines),
        el('label', { class: 'check form__wide' }, this.#header, 'First row is the header'),
        field('import-rule', 'Rows that do not fit', true, select(this.#rule))))
  }

  #chooseDelimiter(value: string): void {
    this.#wantsOther = value === OTHER
    this.#other.hidden = !this.#wantsOther
    if (this.#wantsOther) this.#other.focus()
    else this.#set('delimiter', value)
  }

  #set(name: 'delimiter' | 'quote' | 'encoding', value: string): void {
    this.#setReading({ [name]: value === AUTOMATIC ? undefined : value.slice(1) })
  }

  #setReading(more: { [Name in keyof Dialect]?: Dialect[Name] | undefined }): void {
    // What makes a quote literal belongs to the quote.
    const merged = { ...this.#reading, ...more, ...('quote' in more && { escape: undefined }) }
    this.#change({ reading: Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)) })
  }

  paint({ reading, onRowError }: ImportForm, preview: ImportPreview | undefined): void {
    this.#reading = reading
    const dialect = preview?.dialect
    this.#quote.paint(reading.quote, dialect?.quote)
    this.#encoding.paint(reading.encoding, dialect?.encoding)
    const isOther = reading.delimiter !== undefined && !(reading.delimiter in DELIMITERS)
    if (isOther || !this.#wantsOther) this.#delimiter.paint(reading.delimiter, dialect?.delimiter)
    this.#other.hidden = !isOther && !this.#wantsOther
    if (isOther && this.#other !== document.activeElement) this.#other.value = reading.delimiter ?? ''
    this.#header.checked = reading.header ?? dialect?.header ?? true
    if (this.#skipLines !== document.activeElement) this.#skipLines.value = String(reading.skipLines ?? dialect?.skipLines ?? 0)
    this.#rule.value = onRowError
    setText(this.#state, Object.keys(reading).length > 0 ? 'Set by you' : preview ? 'Detected' : '')
  }
}
