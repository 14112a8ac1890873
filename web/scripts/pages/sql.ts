/** SQL: one statement that reads, and what it gives. The address holds the query. */
import type { QueryResult, RowsPage, TableInfo } from '../../../server/protocol.ts'
import { api, ApiError, EXPORT_FORMATS, type ExportFormat } from '../shared/api.ts'
import { el, icon, setText } from '../shared/dom.ts'
import { age, bytes, count, plural } from '../shared/format.ts'
import { gridBody, isNumber, TYPE_WORDS } from '../shared/grid.ts'
import type { MakePage, PageContext } from '../shared/page.ts'
import { Pager } from '../shared/pager.ts'
import { rereading } from '../shared/reread.ts'
import { RowDrawer } from '../shared/row-detail.ts'
import { saveAs } from '../shared/save.ts'
import { pastQueries, rememberQuery } from '../shared/sql-history.ts'
import { sqlName, whereInSql } from '../shared/sql-text.ts'
import { storageOf } from '../shared/storage.ts'
import { rowsPerPage } from '../shared/table-view.ts'
import { namesPanel } from './sql-names.ts'

const PARAM = 'sql'
/** Longer queries are kept out of the address, which servers take only up to a length. */
const MAX_ADDRESS_LENGTH = 6_000
const OPTION_LENGTH = 80
const SECOND_MS = 1_000

const readSql = (search: string): string => new URLSearchParams(search).get(PARAM) ?? ''

const seconds = (ms: number): string => ms < 1000 ? `${count(ms)} ms` : `${(ms / 1000).toFixed(1)} s`

export const sqlPage: MakePage = async (context) => {
  const desk = new SqlDesk(context, await api.tables(context.signal))
  desk.show(readSql(context.url.search))
  return {
    title: 'SQL', className: 'fill fill--sql', content: desk.content, hasOwnMainAction: true,
    onUrl: (url) => desk.show(readSql(url.search)),
    onDataChanged: rereading(context.signal, () => api.tables(context.signal), (tables) => desk.refresh(tables)),
  }
}

class SqlDesk {
  readonly content = new DocumentFragment()
  readonly #context: PageContext
  readonly #editor = el('textarea', {
    'class': 'input data sql__editor', 'rows': 5, 'spellcheck': 'false', 'autocomplete': 'off', 'autocapitalize': 'off', 'aria-label': 'SQL',
    'aria-describedby': 'sql-hint sql-problem', 'placeholder': 'SELECT …',
  })

  readonly #run = el('button', { type: 'button', class: 'btn btn--primary', on: { click: () => this.#start() } }, icon('play'), 'Run')
  readonly #cancel = el('button', { type: 'button', class: 'btn', hidden: true, on: { click: () => this.#stop() } }, 'Cancel')
  readonly #says = el('p', { class: 'sql__says num soft' })
  readonly #past = el('select', { 'aria-label': 'Last queries' })
  readonly #format = el('select', { 'aria-label': 'Export format' }, ...EXPORT_FORMATS.map((format) => el('option', { value: format }, format.toUpperCase())))
  readonly #export = el('button', { 'type': 'button', 'class': 'btn', 'aria-label': 'Export all rows', 'on': { click: () => void this.#save() } },
    icon('download'), el('span', { class: 'btn__label--wide' }, 'Export'))

  readonly #problem = el('div', { id: 'sql-problem', class: 'sql__problem', role: 'alert' })
  readonly #grid = el('table', { class: 'grid' })
  readonly #wrap = el('div', { 'class': 'grid-wrap', 'tabindex': 0, 'role': 'region', 'aria-label': 'Result, scroll sideways for more columns', 'hidden': true }, this.#grid)
  readonly #blank: HTMLElement
  readonly #main: HTMLElement
  readonly #drawer: RowDrawer
  readonly #names = namesPanel((text) => this.#write(text))
  readonly #pager = new Pager((page) => this.#paint(page))
  #tables: readonly TableInfo[]
  #running: AbortController | undefined
  /** What is on show, and the query that gave it. */
  #shown: { sql: string, result: QueryResult } | undefined

  constructor(context: PageContext, tables: readonly TableInfo[]) {
    this.#context = context
    this.#tables = tables
    this.#names.update(tables)
    this.#blank = el('div', { class: 'blank' }, ...this.#examples(tables))
    this.#main = el('div', { class: 'tmain' }, this.#wrap, this.#blank)
    this.#drawer = new RowDrawer(this.#main)
    this.#pager.element.hidden = true
    this.content.append(
      el('div', { class: 'sql' },
        el('div', { class: 'sql__ask' },
          el('div', { class: 'sql__head' }, el('h1', {}, 'SQL'), el('p', { class: 'soft', id: 'sql-hint' }, 'One statement that reads. It cannot change anything.')),
          this.#editor,
          el('div', { class: 'sql__tools' },
            this.#run, this.#cancel, el('kbd', { class: 'muted xs d-only' }, 'Ctrl Enter'), this.#says,
            el('div', { class: 'sql__end' },
              el('span', { class: 'select sql__past' }, this.#past, icon('chevron-down')),
              el('span', { class: 'select sql__format' }, this.#format, icon('chevron-down')), this.#export)),
          this.#problem),
        this.#names.element),
      this.#main, this.#pager.element)
    this.#editor.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      this.#start()
    })
    this.#past.addEventListener('change', () => {
      const sql = pastQueries(storageOf('localStorage'))[this.#past.selectedIndex - 1]
      this.#past.selectedIndex = 0
      if (sql === undefined) return
      this.#editor.value = sql
      this.#editor.focus()
    })
    this.#listPast()
    this.#offerExport()
    context.signal.addEventListener('abort', () => this.#leave())
  }

  /** Shows the query of an address and runs it. */
  show(sql: string): void {
    this.#editor.value = sql
    if (sql.trim() === '') this.#clear()
    else void this.#ask(sql)
  }

  /** As it is before anything has been asked. */
  #clear(): void {
    this.#shown = undefined
    this.#leave()
    this.#closeDetail()
    this.#problem.replaceChildren()
    this.#editor.removeAttribute('aria-invalid')
    setText(this.#says, '')
    this.#wrap.hidden = true
    this.#pager.element.hidden = true
    this.#blank.hidden = false
  }

  /** Tables have changed: shows those of now, and says so of the result on show, which is not asked for again by itself. */
  refresh(tables: readonly TableInfo[]): void {
    if (JSON.stringify(tables) === JSON.stringify(this.#tables)) return
    this.#tables = tables
    this.#names.update(tables)
    this.#blank.replaceChildren(...this.#examples(tables))
    if (this.#shown && !this.#running) this.#say('Tables have changed since. Run it again to see them as they are now.')
  }

  #examples(tables: readonly TableInfo[]): Node[] {
    const [first] = tables.toSorted((a, b) => b.rows - a.rows)
    const name = (text: string) => el('span', { class: 'data' }, text)
    const textColumn = first?.columns.find(({ type }) => type === 'TEXT')
    const examples = first === undefined
      ? []
      : [
          { label: ['First rows of ', name(first.name)], sql: `SELECT *\nFROM ${sqlName(first.name)}\nLIMIT 100` },
          ...(textColumn ? [{ label: ['Rows by ', name(textColumn.name)], sql: `SELECT ${sqlName(textColumn.name)}, count(*) AS rows\nFROM ${sqlName(first.name)}\nGROUP BY 1\nORDER BY 2 DESC\nLIMIT 100` }] : []),
        ]
    const button = ({ label, sql }: { label: (Node | string)[], sql: string }) =>
      el('button', { type: 'button', class: 'btn truncate', on: { click: () => {
        this.#editor.value = sql
        // The button goes, the keyboard's place does not.
        this.#editor.focus()
        this.#start()
      } } }, ...label)
    return [el('h2', {}, 'Ask your tables'), el('p', {}, first ? 'Write a query, or begin with one of these.' : 'Import a file first. Its table can be asked here.'),
      el('p', { class: 'sql__examples' }, ...examples.map(button))]
  }

  /** Writes a name where the caret is. */
  #write(text: string): void {
    const { selectionStart, selectionEnd, value } = this.#editor
    const before = value.slice(0, selectionStart)
    const space = /[\s(,.]$/.test(before) || before === '' ? '' : ' '
    this.#editor.setRangeText(space + text, selectionStart, selectionEnd, 'end')
    this.#editor.focus()
  }

  #start(): void {
    const sql = this.#editor.value
    if (sql.trim() === '') return this.#editor.focus()
    const address = `${location.pathname}?${new URLSearchParams({ [PARAM]: sql }).toString()}`
    const isNew = readSql(location.search) !== sql
    this.#context.setUrl(address.length <= MAX_ADDRESS_LENGTH ? address : location.pathname, isNew ? 'push' : 'replace')
    void this.#ask(sql)
  }

  #stop(): void {
    this.#running?.abort()
  }

  /** Ends what runs without a word about it: nobody looks at it any more. */
  #leave(): void {
    this.#stop()
    this.#rest()
  }

  /** Nothing runs. */
  #rest(): void {
    this.#running = undefined
    if (document.activeElement === this.#cancel) this.#editor.focus()
    this.#cancel.hidden = true
    this.#wrap.classList.remove('is-loading')
    this.#offerExport()
  }

  async #ask(sql: string): Promise<void> {
    rememberQuery(storageOf('localStorage'), sql)
    this.#listPast()
    await this.#work('Running', async (signal) => {
      const result = await api.query(sql, signal)
      this.#shown = { sql, result }
      this.#paint(1)
      const { rows, cutBy, durationMs } = result
      const found = cutBy ? `First ${plural(rows.length, 'row')}` : plural(rows.length, 'row')
      this.#say(`${found} in ${seconds(durationMs)}${cutBy ? '. The export has them all.' : ''}`)
    })
  }

  /** Exports what is on show, whatever stands in the editor by now. */
  async #save(): Promise<void> {
    const sql = this.#shown?.sql
    if (sql === undefined || this.#running) return
    const format = this.#format.value as ExportFormat
    await this.#work('Exporting', async (signal) => {
      const file = await api.exportQuery(sql, format, signal)
      saveAs(file, `query.${format}`)
      this.#say(`Exported ${bytes(file.size)}`)
    })
  }

  /** Does one thing at a time; a later one ends an earlier one. Tells how it goes and why it failed. */
  async #work(doing: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#running?.abort()
    const running = new AbortController()
    this.#running = running
    this.#problem.replaceChildren()
    this.#editor.removeAttribute('aria-invalid')
    this.#cancel.hidden = false
    this.#wrap.classList.add('is-loading')
    const startedAt = Date.now()
    const tick = () => setText(this.#says, Date.now() - startedAt < SECOND_MS ? doing : `${doing}, ${age(Date.now() - startedAt)}`)
    tick()
    const timer = setInterval(tick, SECOND_MS)
    try {
      await work(running.signal)
    } catch (error) {
      if (this.#running === running) this.#failed(error, running.signal.aborted)
    } finally {
      clearInterval(timer)
      if (this.#running === running) this.#rest()
    }
  }

  #failed(error: unknown, wasCancelled: boolean): void {
    if (wasCancelled) return this.#say('Cancelled')
    setText(this.#says, '')
    const { code, message } = error instanceof ApiError ? error : { code: '', message: 'The answer could not be shown.' }
    const sql = this.#editor.value
    const place = code === 'BAD_SQL' ? whereInSql(sql, message) : undefined
    if (place && document.activeElement === this.#editor) this.#editor.setSelectionRange(place.offset, place.offset)
    if (code === 'BAD_SQL') this.#editor.setAttribute('aria-invalid', 'true')
    const words = code === 'BAD_SQL' ? el('span', { class: 'data' }, message) : message
    this.#problem.replaceChildren(el('p', { class: 'banner banner--bad' }, icon('circle-x'),
      el('span', {}, place && sql.includes('\n') ? `Line ${count(place.line)}: ` : '', words)))
  }

  #say(text: string): void {
    setText(this.#says, text)
    this.#context.announce(text)
  }

  #listPast(): void {
    const queries = pastQueries(storageOf('localStorage')).map((sql) => sql.replace(/\s+/g, ' ').trim())
    this.#past.replaceChildren(el('option', {}, 'Last queries'),
      ...queries.map((sql) => el('option', {}, sql.length > OPTION_LENGTH ? `${sql.slice(0, OPTION_LENGTH)}…` : sql)))
    this.#past.disabled = queries.length === 0
  }

  #offerExport(): void {
    this.#export.disabled = this.#format.disabled = this.#shown === undefined
  }

  /** @param page of the rows that came, from 1 */
  #paint(page: number): void {
    if (!this.#shown) return
    const { columns, rows } = this.#shown.result
    const perPage = rowsPerPage(columns.length)
    const offset = (page - 1) * perPage
    const part: RowsPage = { columns, rows: rows.slice(offset, offset + perPage), total: rows.length }
    this.#closeDetail()
    this.#grid.setAttribute('aria-rowcount', String(rows.length + 1))
    const heads = columns.map((column) => el('th', { scope: 'col', class: isNumber(column) ? 'n' : undefined, title: column.name },
      el('span', { class: 'colhead' }, el('span', { class: 'data truncate', dir: 'auto' }, column.name), el('small', {}, TYPE_WORDS[column.type]))))
    this.#grid.replaceChildren(el('thead', {}, el('tr', {}, ...heads)), gridBody(part, offset, (index) => this.#openDetail(part, offset, index)))
    this.#wrap.hidden = false
    this.#wrap.scrollTo(0, 0)
    this.#blank.hidden = true
    this.#pager.element.hidden = false
    this.#pager.paint({ total: rows.length, shown: part.rows.length, offset, perPage, columns: columns.length, page })
  }

  #openDetail(page: RowsPage, offset: number, index: number): void {
    const lines = [...this.#grid.tBodies[0]?.rows ?? []]
    for (const [position, line] of lines.entries()) line.toggleAttribute('data-selected', position === index)
    this.#drawer.show({
      page, offset, index,
      go: (next) => {
        this.#openDetail(page, offset, next)
        lines[next]?.scrollIntoView({ block: 'nearest' })
      },
      close: () => {
        this.#closeDetail()
        lines[index]?.querySelector<HTMLElement>('.rowopen')?.focus()
      },
    })
  }

  #closeDetail(): void {
    this.#drawer.close()
    this.#grid.querySelector('[data-selected]')?.removeAttribute('data-selected')
  }
}
