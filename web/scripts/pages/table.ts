/** One table: its rows, a page at a time, searched, filtered and sorted by the server. The address holds what is on show. */
import { writeSort, type ColumnInfo, type Filter, type RowsPageSoFar, type TableInfo } from '../../../server/protocol.ts'
import { api, ApiError, type Place } from '../shared/api.ts'
import { columnMenu } from '../shared/column-menu.ts'
import { columnsChooser } from '../shared/columns-chooser.ts'
import { copyText } from '../shared/clipboard.ts'
import { el, icon, refill, setText } from '../shared/dom.ts'
import { exportMenu, startExport } from '../shared/export-menu.ts'
import { filterChip, filterForm, filterWords } from '../shared/filter-form.ts'
import { Flyout, stepThrough } from '../shared/flyout.ts'
import { ago, count, plural } from '../shared/format.ts'
import type { MakePage, PageContext } from '../shared/page.ts'
import { Pager } from '../shared/pager.ts'
import { rereading } from '../shared/reread.ts'
import { say } from '../shared/rich.ts'
import { RowDrawer } from '../shared/row-detail.ts'
import { storageOf } from '../shared/storage.ts'
import { TableGrid } from '../shared/table-grid.ts'
import {
  asCsv, asJson, chooseColumns, orderOf, pageCount, readView, shownColumns, sortedBy, writeView, type TableView,
} from '../shared/table-view.ts'
import { failurePage, tableNotFoundPage } from './error.ts'

/** Typing pauses this long before the server is asked. */
const SEARCH_DELAY_MS = 300

/** From this many rows on, an index is worth its space, and a summary is asked for rather than shown at once. */
const MANY_ROWS = 200_000

export const tablePage = (name: string): MakePage => async (context) => {
  let info: TableInfo
  try {
    info = await api.table(name, context.signal)
  } catch (error) {
    if (error instanceof ApiError && error.code === 'TABLE_NOT_FOUND') return tableNotFoundPage(name)(context)
    throw error
  }
  const browser = new TableBrowser(info, context)
  await browser.load('first')
  const read = () => api.table(name, context.signal).catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 'TABLE_NOT_FOUND') return undefined
    throw error
  })
  const refresh = (now: TableInfo | undefined) => {
    if (now) {
      void browser.refresh(now).catch(() => undefined)
      return
    }
    context.announce(`The table ${name} is no longer there.`)
    // What is asked about it ends with its page.
    context.navigate(location.href, 'replace')
  }
  return {
    title: name, className: 'fill', content: browser.content, onUrl: (url) => browser.show(readView(url.search)),
    onDataChanged: rereading(context.signal, read, refresh),
  }
}

/** The rows on show, and the question that they answer. */
interface Shown {
  page: RowsPageSoFar
  /** Of the first row, from 0. */
  offset: number
  perPage: number
  /** What decides which rows, and in what order. */
  question: string
}

class TableBrowser {
  readonly content: DocumentFragment
  #info: TableInfo
  readonly #context: PageContext
  readonly #grid: TableGrid
  readonly #blank = el('div', { class: 'blank', hidden: true })
  readonly #main: HTMLElement
  readonly #drawer: RowDrawer
  readonly #counts = el('p', { class: 'num soft' })
  readonly #source = el('p', { class: 'tbar__src small muted' })
  readonly #search: HTMLInputElement
  readonly #chips = el('div', { class: 'tags' })
  readonly #addFilter: HTMLButtonElement
  readonly #clearFilters = el('button', { type: 'button', class: 'btn btn--quiet btn--sm', hidden: true, on: { click: () => this.#clear() } }, 'Clear')
  readonly #filtering: HTMLElement
  readonly #pager: Pager
  readonly #menu = new Flyout('menu--col')
  readonly #tools = new Flyout('menu--tools')
  readonly #widths: Map<string, number>
  #view: TableView
  #loading: AbortController | undefined
  /** Somebody waits for other rows than those on show. */
  #isAwaited = false
  #shown: Shown | undefined
  /** What stands in place of rows that could not be read, and tries again by itself, until it is aborted: once there are rows again. */
  #failure: AbortController | undefined

  constructor(info: TableInfo, context: PageContext) {
    const { name } = info
    this.#info = info
    this.#context = context
    this.#view = readView(context.url.search)
    this.#widths = readWidths(name)
    this.#grid = new TableGrid(`Rows of ${name}, scroll sideways for more columns`, {
      open: (index) => this.#open(index, 'push'),
      menu: (column, button) => this.#openMenu(column, button),
      widths: this.#widths,
      resized: () => writeWidths(name, this.#widths),
      said: (text) => context.announce(text),
    })
    this.#search = el('input', { 'class': 'input', 'type': 'search', 'placeholder': 'Search all columns', 'aria-label': 'Search all columns' })
    this.#addFilter = this.#opener('btn--quiet btn--sm', 'list-filter', 'Add filter', (button) => this.#openFilter(button))
    this.#filtering = el('div', { class: 'tags__end' }, this.#addFilter, this.#clearFilters)
    this.#chips.append(this.#filtering)
    this.#pager = new Pager((page) => this.#change({ page, row: 0 }), (perPage) => this.#change({ page: 1, perPage, row: 0 }))
    this.#main = el('div', { class: 'tmain' }, this.#grid.element, this.#blank)
    this.#drawer = new RowDrawer(this.#main)
    this.content = new DocumentFragment()
    this.content.append(this.#toolbar(), this.#main, this.#pager.element)
    stepThrough(this.#tools.element)
    context.signal.addEventListener('abort', () => {
      this.#menu.element.remove()
      this.#tools.element.remove()
    })
    this.#listenToSearch()
  }

  #toolbar(): HTMLElement {
    const { name } = this.#info
    this.#paintSource()
    const icons = (label: string, glyph: 'pencil' | 'trash-2', press: () => void) =>
      el('button', { 'type': 'button', 'class': 'btn btn--quiet btn--icon btn--sm', 'aria-label': label, 'title': label, 'on': { click: press } }, icon(glyph))
    return el('div', { class: 'tbar' },
      el('div', { class: 'tbar__title' },
        el('a', { class: 'back', href: '/' }, icon('chevron-left'), 'Tables'),
        el('h1', { class: 'data truncate', dir: 'auto', title: name }, name), this.#counts,
        el('div', { class: 'tbar__own' }, icons('Rename table', 'pencil', () => void this.#rename()), icons('Delete table', 'trash-2', () => void this.#delete())),
        this.#source),
      el('div', { class: 'tbar__tools' },
        el('div', { class: 'search tbar__search' }, icon('search'), this.#search),
        this.#chips,
        el('div', { class: 'tbar__end' },
          this.#opener('', 'columns-3', 'Columns', (button) => this.#openColumns(button)),
          this.#opener('', 'download', 'Export', (button) => this.#openExport(button)))))
  }

  #opener(className: string, glyph: 'columns-3' | 'download' | 'list-filter', text: string, open: (button: HTMLButtonElement) => void): HTMLButtonElement {
    const button = el('button', {
      'type': 'button', 'class': `btn ${className}`, 'aria-haspopup': 'dialog', 'aria-expanded': 'false', 'aria-label': text, 'on': { click: () => open(button) },
    }, icon(glyph), el('span', { class: className ? '' : 'btn__label--wide' }, text), ...glyph === 'download' ? [icon('chevron-down')] : [])
    return button
  }

  #paintSource(): void {
    const { lastImport } = this.#info
    this.#source.hidden = lastImport === undefined
    if (!lastImport) return
    refill(this.#source, document.createTextNode('Last import '),
      el('button', { type: 'button', class: 'link', on: { click: () => this.#context.showImport(lastImport.sessionId) } }, `#${lastImport.number}`),
      document.createTextNode(`, ${ago(lastImport.finishedAt, Date.now())}`))
  }

  #listenToSearch(): void {
    let timer: ReturnType<typeof setTimeout> | undefined
    const search = () => {
      clearTimeout(timer)
      if (this.#search.value !== this.#view.q) this.#change({ q: this.#search.value, page: 1, row: 0 }, 'replace')
    }
    this.#search.addEventListener('input', () => {
      clearTimeout(timer)
      timer = setTimeout(search, SEARCH_DELAY_MS)
    })
    this.#search.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') search()
    })
    this.#context.signal.addEventListener('abort', () => clearTimeout(timer))
  }

  /** Shows another part of the table and puts it into the address. */
  #change(part: Partial<TableView>, how: 'push' | 'replace' = 'push'): void {
    const view = { ...this.#view, ...part }
    this.#context.setUrl(`${location.pathname}${writeView(view)}`, how)
    this.show(view)
  }

  show(view: TableView): void {
    this.#view = view
    void this.load('again')
  }

  /** The table may have changed: reads what is on show anew, and leaves search, place and focus. */
  async refresh(info: TableInfo): Promise<void> {
    if (JSON.stringify(info) !== JSON.stringify(this.#info)) {
      this.#info = info
      this.#paintSource()
    }
    await this.load('changed')
  }

  /** @param why `changed` is not asked for by the person who looks at it, and moves nothing */
  async load(why: 'first' | 'again' | 'changed'): Promise<void> {
    const question = this.#question()
    // Rows that are read because the table has changed are those that somebody waits for, if anybody does.
    const which = why === 'changed' && this.#isAwaited ? 'again' : why
    // What is on its way answers another question, unless it is the number of these.
    if (this.#isAwaited) this.#loading?.abort()
    if (which === 'again' && this.#shown?.question === question && this.#isOnPage()) {
      this.#paint(true)
      return
    }
    this.#loading?.abort()
    this.#isAwaited = which === 'again'
    const loading = new AbortController()
    this.#loading = loading
    const signal = AbortSignal.any([this.#context.signal, loading.signal])
    this.#grid.element.classList.toggle('is-loading', which === 'again')
    try {
      const { perPage, page: number } = this.#view
      const page = await api.rows(this.#info.name, this.#view, perPage, this.#place(question, which), signal)
      if (signal.aborted) return
      const before = this.#shown
      if (which === 'changed' && before && JSON.stringify([before.page.rows, before.page.columns]) === JSON.stringify([page.rows, page.columns])) {
        before.page = { ...page, total: page.total ?? before.page.total }
        this.#paintCounts()
        // The number of before is shown until the one of now is known.
        if (page.total === null) await this.#count(before, which, signal, null)
        return
      }
      if (which !== 'changed' && before?.question === question) page.total ??= before.page.total
      const shown = this.#shown = { page, perPage, offset: (number - 1) * perPage, question }
      this.#paint(which === 'changed')
      if (which === 'first' && page.total === null && page.rows.length > 0) void this.#countFirst(shown, signal)
      else if (page.total === null || (page.rows.length === 0 && number > 1)) await this.#count(shown, which, signal, page.total)
      else this.#announce(which)
    } catch (error) {
      if (signal.aborted) return
      if (which !== 'again') throw error
      await this.#failed(error)
    } finally {
      if (this.#loading === loading) this.#grid.element.classList.remove('is-loading')
    }
  }

  /**
   * Rows are there before they are counted: counting reads all of the table.
   * @param known how many match, where that was said with the rows
   */
  async #count(shown: Shown, which: 'first' | 'again' | 'changed', signal: AbortSignal, known: number | null): Promise<void> {
    this.#grid.element.classList.remove('is-loading')
    const total = known ?? (await api.count(this.#info.name, this.#view, signal)).total
    if (signal.aborted || this.#shown !== shown) return
    shown.page.total = total
    // The address may name a page that is no longer there.
    const pages = pageCount(total, this.#view.perPage)
    if (this.#view.page > pages) {
      this.#change({ page: pages, row: 0 }, 'replace')
      return
    }
    this.#paintCounts()
    this.#announce(which)
  }

  /** The page is shown before its rows are counted, as all later ones are. */
  async #countFirst(shown: Shown, signal: AbortSignal): Promise<void> {
    try {
      await this.#count(shown, 'first', signal, null)
    } catch (error) {
      if (!signal.aborted) await this.#failed(error)
    }
  }

  #question(): string {
    const { sort, q, filters } = this.#view
    return JSON.stringify([sort, q, filters])
  }

  #isOnPage(): boolean {
    const { page, perPage } = this.#view
    return this.#shown?.perPage === perPage && this.#shown.offset === (page - 1) * perPage
  }

  /** The page beside the one on show is found from there, however far down that is. */
  #place(question: string, which: 'first' | 'again' | 'changed'): Place {
    const offset = (this.#view.page - 1) * this.#view.perPage
    const { page, perPage, offset: here, question: asked } = this.#shown ?? {}
    if (which === 'again' && page?.cursors && asked === question && perPage === this.#view.perPage && here !== undefined) {
      if (offset === here + perPage) return { after: page.cursors.last }
      if (offset === here - perPage && offset > 0) return { before: page.cursors.first }
    }
    return { offset }
  }

  /** @param keepPlace whether the rows are where the person was looking already */
  #paint(keepPlace = false): void {
    this.#isAwaited = false
    this.#failure?.abort()
    const shown = this.#shown!
    const { page: { columns, rows }, offset } = shown
    const { q } = this.#view
    if (this.#search !== document.activeElement) this.#search.value = q
    this.#paintChips()
    const onShow = shownColumns(this.#view, columns)
    const isEmpty = rows.length === 0
    this.#grid.element.hidden = isEmpty
    this.#blank.hidden = !isEmpty
    if (isEmpty) this.#paintBlank()
    else {
      this.#grid.paint({
        columns: onShow, positions: onShow.map((column) => columns.indexOf(column)), rows, offset, total: shown.page.total, q,
        order: orderOf(this.#view, columns), indexed: new Set(this.#info.indexed),
      }, keepPlace)
    }
    this.#paintCounts()
    this.#paintDetail()
  }

  #paintCounts(): void {
    const shown = this.#shown!
    const { page: { total, rows }, offset, perPage } = shown
    const { page, q, filters } = this.#view
    const all = plural(this.#info.rows, 'row')
    setText(this.#counts, q || filters.length > 0
      ? `${total === null ? 'Counting…' : count(total)} of ${all}`
      : `${all}, ${plural(this.#info.columns.length, 'column')}`)
    const order = orderOf(this.#view, shown.page.columns)
    const column = shown.page.columns.find(({ name }) => name === order?.column)
    this.#pager.paint({
      total, shown: rows.length, offset, perPage, sortColumn: order?.column, page,
      speedUp: column && this.#isIndexOffered(column) ? () => void this.#buildIndex(column) : undefined,
    })
  }

  #paintChips(): void {
    const { filters } = this.#view
    const { columns } = this.#info
    const without = (index: number) => () => {
      this.#change({ filters: filters.filter((_, position) => position !== index), page: 1, row: 0 })
      this.#addFilter.focus()
    }
    const chips = filters.map((filter, index) => filterChip(filter, columns, without(index)))
    // The button stays in the document all along, so that what hangs on it keeps its place.
    for (const child of [...this.#chips.children]) if (child !== this.#filtering) child.remove()
    this.#filtering.before(...chips)
    this.#clearFilters.hidden = filters.length === 0
  }

  #clear(): void {
    this.#search.value = ''
    this.#change({ q: '', filters: [], page: 1, row: 0 })
    this.#search.focus()
  }

  #paintBlank(): void {
    const { q, filters } = this.#view
    if (!q && filters.length === 0) {
      this.#blank.replaceChildren(el('h2', {}, 'No rows'), el('p', {}, 'This table has columns and no rows.'))
      return
    }
    const words = filters.length === 0 ? '' : q ? ` with ${filters.length === 1 ? 'this filter' : `these ${filters.length} filters`}` : ''
    const what = filters.length === 0 ? 'Clear search' : q ? 'Clear filters and search' : filters.length === 1 ? 'Clear filter' : 'Clear filters'
    const [only] = filters
    this.#blank.replaceChildren(
      el('h2', {}, 'No rows match'),
      el('p', {}, ...q
        ? [`Nothing in ${plural(this.#info.rows, 'row')} contains `, el('span', { class: 'data' }, q), `${words}.`]
        : [`None of ${plural(this.#info.rows, 'row')} fits ${filters.length === 1 && only ? filterWords(only, this.#info.columns) : `these ${filters.length} filters`}.`]),
      el('p', {}, el('button', { type: 'button', class: 'btn', on: { click: () => this.#clear() } }, what)))
  }

  #announce(which: 'first' | 'again' | 'changed'): void {
    if (which === 'first') return
    const { page: { columns, total } } = this.#shown!
    const { page, perPage } = this.#view
    const order = orderOf(this.#view, columns)
    const sorted = order ? ` Sorted by ${order.column}, ${order.descending ? 'descending' : 'ascending'}.` : ''
    const changed = which === 'changed' ? 'The table has changed. ' : ''
    this.#context.announce(`${changed}${plural(total ?? 0, 'row')}. Page ${count(page)} of ${count(pageCount(total ?? 0, perPage))}.${sorted}`)
  }

  async #failed(error: unknown): Promise<void> {
    this.#isAwaited = false
    this.#failure?.abort()
    const failure = this.#failure = new AbortController()
    const page = await failurePage(error)({ ...this.#context, signal: AbortSignal.any([this.#context.signal, failure.signal]) })
    this.#grid.element.hidden = true
    this.#blank.hidden = false
    this.#blank.replaceChildren(page.content)
    this.#shown = undefined
  }

  /** Opens a row of this page, or of the page before or after it. */
  #open(index: number, how: 'push' | 'replace'): void {
    const { offset, perPage } = this.#shown!
    const row = offset + index + 1
    this.#change({ row, page: Math.ceil(row / perPage) }, how)
  }

  #paintDetail(): void {
    const { page, offset } = this.#shown!
    const index = this.#view.row - 1 - offset
    if (this.#view.row === 0 || index < 0 || index >= page.rows.length) {
      this.#drawer.close()
      this.#grid.select(-1)
      return
    }
    const isLast = page.total !== null && offset + page.rows.length >= page.total
    this.#drawer.show({
      page, offset, index, q: this.#view.q,
      hasMore: { before: offset > 0, after: !isLast && page.rows.length === this.#view.perPage },
      go: (next) => this.#open(next, 'replace'),
      close: () => {
        this.#change({ row: 0 }, 'replace')
        this.#grid.focusRow(index)
      },
      announce: (text) => this.#context.announce(text),
    })
    this.#grid.select(index)
  }

  #openMenu(column: ColumnInfo, button: HTMLButtonElement): void {
    const done = (part: Partial<TableView>) => {
      this.#menu.close()
      this.#change({ ...part, page: 1, row: 0 })
    }
    const onShow = shownColumns(this.#view, this.#info.columns)
    const summing = new AbortController()
    const content = columnMenu({
      column,
      sorted: sortedBy(orderOf(this.#view, this.#info.columns), column.name),
      isIndexOffered: this.#isIndexOffered(column),
      isIndexed: this.#isIndexed(column),
      isQuick: this.#info.rows <= MANY_ROWS,
      canHide: onShow.length > 1,
      sort: (direction) => done({ sort: direction ? writeSort({ column: column.name, descending: direction === 'descending' }, this.#info.columns) : '' }),
      filter: (filter) => done({ filters: this.#with(filter) }),
      hide: () => {
        this.#menu.close()
        this.#change({ columns: chooseColumns(this.#info.columns, new Set(onShow.filter(({ name }) => name !== column.name).map(({ name }) => name))) })
        this.#grid.focus()
      },
      buildIndex: () => {
        this.#menu.close()
        void this.#buildIndex(column)
      },
      removeIndex: () => {
        this.#menu.close()
        void this.#removeIndex(column)
      },
      summarize: () => api.summary(this.#info.name, column.name, this.#view, AbortSignal.any([this.#context.signal, summing.signal])),
      grown: () => this.#menu.place(),
    })
    this.#menu.toggle(button, `Column ${column.name}`, content, () => summing.abort())
  }

  /** The filters with one more; one of the same kind on the same column gives way to it. */
  #with(filter: Filter): Filter[] {
    const isLike = ({ column, operator }: Filter) =>
      column === filter.column && (operator === filter.operator || (isOneOf(operator) && isOneOf(filter.operator)))
    return [...this.#view.filters.filter((one) => !isLike(one)), filter]
  }

  #openFilter(button: HTMLElement): void {
    const form = filterForm(this.#info.columns, (filter) => {
      this.#tools.close()
      this.#change({ filters: this.#with(filter), page: 1, row: 0 })
    })
    this.#tools.toggle(button, 'Add filter', [form])
  }

  #openColumns(button: HTMLElement): void {
    const shown = new Set(shownColumns(this.#view, this.#info.columns).map(({ name }) => name))
    const choose = (names: ReadonlySet<string>) => this.#change({ columns: chooseColumns(this.#info.columns, names) }, 'replace')
    this.#tools.toggle(button, 'Columns', columnsChooser(this.#info.columns, shown, choose))
  }

  #openExport(button: HTMLElement): void {
    // What could not be shown may still be exported.
    const { columns, rows, total } = this.#shown?.page ?? { columns: this.#info.columns, rows: [], total: null }
    const onShow = shownColumns(this.#view, columns)
    const positions = onShow.map((column) => columns.indexOf(column))
    const csv = asCsv(columns, rows).length
    const json = rows.reduce((length, row) => length + asJson(columns, row).length, 0)
    this.#tools.toggle(button, 'Export', exportMenu({
      rows: total, tableRows: this.#info.rows, csvBytesPerRow: csv / Math.max(1, rows.length), jsonBytesPerRow: json / Math.max(1, rows.length),
      pageRows: rows.length, shown: onShow.length, columns: columns.length,
      start: (format, { isShownOnly, formulasAsText }) => {
        this.#tools.close()
        const columns = isShownOnly ? { columns: onShow.map(({ name }) => name) } : {}
        void startExport(this.#info.name, this.#view, { format, formulasAsText, ...columns }, (toast) => this.#context.toast(toast))
      },
      copyPage: () => {
        this.#tools.close()
        const text = el('pre', { class: 'vh' }, asCsv(onShow, rows.map((row) => positions.map((position) => row[position] ?? null))))
        this.#main.append(text)
        void copyText(text.textContent, text).then((isDone) => {
          text.remove()
          this.#context.toast(isDone ? { tone: 'ok', title: `Copied ${plural(rows.length, 'row')}` } : { tone: 'bad', title: 'The page could not be copied' })
        })
      },
    }))
  }

  #isIndexed({ name }: ColumnInfo): boolean {
    return this.#info.indexed?.includes(name) === true
  }

  #isIndexOffered(column: ColumnInfo): boolean {
    return this.#info.rows >= MANY_ROWS && !this.#isIndexed(column)
  }

  async #buildIndex({ name }: ColumnInfo): Promise<void> {
    this.#context.toast({ tone: 'info', title: 'Building an index on', data: name, text: 'It begins when nothing is being imported, and gives way to imports. It takes some space in the database.' })
    try {
      this.#info = await api.buildIndex(this.#info.name, name)
      this.#context.toast({ tone: 'ok', title: 'Index built on', data: name, text: 'Sorting and filtering by it are quick now.' })
      if (this.#shown) this.#paint(true)
    } catch (error) {
      this.#context.toast({ tone: 'bad', title: 'The index was not built', text: error instanceof ApiError ? error.message : 'It could not be built.' })
    }
  }

  async #removeIndex({ name }: ColumnInfo): Promise<void> {
    const table = this.#info.name
    try {
      await api.dropIndex(table, name)
      this.#info = await api.table(table, this.#context.signal)
      this.#context.toast({ tone: 'ok', title: 'Index removed from', data: name, text: 'Its space is free for other rows.' })
      if (this.#shown) this.#paint(true)
    } catch (error) {
      if (this.#context.signal.aborted) return
      this.#context.toast({ tone: 'bad', title: 'The index was not removed', text: error instanceof ApiError ? error.message : 'It could not be removed.' })
    }
  }

  async #rename(): Promise<void> {
    const { name } = this.#info
    const renamed = await this.#context.renameTable(name)
    if (renamed === undefined) return
    if (!this.#context.signal.aborted) this.#context.navigate(`/tables/${encodeURIComponent(renamed)}`, 'replace')
    this.#context.toast({ tone: 'ok', title: 'Renamed to', data: renamed })
  }

  async #delete(): Promise<void> {
    const { name, rows } = this.#info
    const yes = await this.#context.confirm({
      title: say`Delete ${name}?`, text: `The table and its ${plural(rows, 'row')} go. Export it first if you may want it back.`, no: 'Keep the table', yes: 'Delete table',
    })
    if (!yes) return
    try {
      await api.deleteTable(name)
      this.#context.toast({ tone: 'info', title: 'Deleted', data: name, text: `${plural(rows, 'row')} removed.` })
      if (!this.#context.signal.aborted) this.#context.navigate('/')
    } catch (error) {
      this.#context.toast({ tone: 'bad', title: 'The table was not deleted', text: error instanceof ApiError ? error.message : 'It could not be deleted.' })
    }
  }
}

const isOneOf = (operator: Filter['operator']): boolean => operator === 'eq' || operator === 'in'

const widthsKey = (table: string): string => `hextrackr_widths:${table}`

/** The widths that people gave columns, which this browser remembers. */
function readWidths(table: string): Map<string, number> {
  try {
    const stored = JSON.parse(storageOf('localStorage').getItem(widthsKey(table)) ?? '[]') as [string, number][]
    return new Map(stored.filter(([name, width]) => typeof name === 'string' && Number.isFinite(width)))
  } catch {
    return new Map()
  }
}

function writeWidths(table: string, widths: ReadonlyMap<string, number>): void {
  storageOf('localStorage').setItem(widthsKey(table), JSON.stringify([...widths]))
}
