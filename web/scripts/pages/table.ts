/** One table: its rows, a page at a time, searched and sorted by the server. The address holds what is on show. */
import type { ColumnInfo, RowsPage, TableInfo } from '../../../server/protocol.ts'
import { api, ApiError } from '../shared/api.ts'
import { el, icon, refill, setText } from '../shared/dom.ts'
import { ago, count, plural } from '../shared/format.ts'
import { gridBody, gridHead } from '../shared/grid.ts'
import type { MakePage, PageContext } from '../shared/page.ts'
import { Pager } from '../shared/pager.ts'
import { rowDetail } from '../shared/row-detail.ts'
import { nextSort, pageCount, readView, rowsPerPage, sortedBy, writeView, type TableView } from '../shared/table-view.ts'
import { failurePage, tableNotFoundPage } from './error.ts'

/** Typing pauses this long before the server is asked. */
const SEARCH_DELAY_MS = 300

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
  const refresh = async () => {
    try {
      await browser.refresh(await api.table(name, context.signal))
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'TABLE_NOT_FOUND') return
      context.announce(`The table ${name} is no longer there.`)
      context.reload()
    }
  }
  return {
    title: name, className: 'fill', content: browser.content, onUrl: (url) => browser.show(readView(url.search)), onDataChanged: () => void refresh(),
  }
}

class TableBrowser {
  readonly content: DocumentFragment
  #info: TableInfo
  readonly #context: PageContext
  readonly #perPage: number
  readonly #grid = el('table', { class: 'grid' })
  readonly #wrap: HTMLElement
  readonly #blank = el('div', { class: 'blank', hidden: true })
  readonly #main: HTMLElement
  readonly #counts = el('p', { class: 'num soft' })
  readonly #source = el('p', { class: 'tbar__src small muted' })
  readonly #search: HTMLInputElement
  readonly #export: HTMLAnchorElement
  readonly #pager: Pager
  #view: TableView
  #loading: AbortController | undefined
  #detail: HTMLElement | undefined
  /** What the rows were last drawn from. */
  #shows = ''
  #shownHead: { says: string, element: HTMLElement } | undefined

  constructor(info: TableInfo, context: PageContext) {
    const { name, columns } = info
    this.#info = info
    this.#context = context
    this.#view = readView(context.url.search)
    this.#perPage = rowsPerPage(columns.length)
    this.#wrap = el('div', {
      'class': 'grid-wrap', 'tabindex': 0, 'role': 'region', 'aria-label': `Rows of ${name}, scroll sideways for more columns`,
    }, this.#grid)
    this.#search = el('input', { 'class': 'input', 'type': 'search', 'placeholder': 'Search all columns', 'aria-label': 'Search all columns' })
    this.#export = el('a', { class: 'btn', download: `${name}.csv` }, icon('download'), el('span', { class: 'btn__label--wide' }, 'Export CSV'))
    this.#export.setAttribute('aria-label', 'Export CSV')
    this.#pager = new Pager((page) => this.#change({ ...this.#view, page }))
    this.#main = el('div', { class: 'tmain' }, this.#wrap, this.#blank)
    this.content = new DocumentFragment()
    this.content.append(this.#toolbar(), this.#main, this.#pager.element)
    this.#listenToSearch()
  }

  #toolbar(): HTMLElement {
    const { name } = this.#info
    this.#paintSource()
    const rename = el('button', { 'type': 'button', 'class': 'btn', 'aria-label': 'Rename table', 'on': { click: () => void this.#rename() } },
      icon('pencil'), el('span', { class: 'btn__label--wide' }, 'Rename'))
    const remove = el('button', { 'type': 'button', 'class': 'btn', 'aria-label': 'Delete table', 'on': { click: () => void this.#delete() } },
      icon('trash-2'), el('span', { class: 'btn__label--wide' }, 'Delete table'))
    return el('div', { class: 'tbar' },
      el('div', { class: 'tbar__title' },
        el('a', { class: 'back', href: '/' }, icon('chevron-left'), 'Tables'),
        el('h1', { class: 'data truncate', title: name }, name), this.#counts, this.#source),
      el('div', { class: 'tbar__tools' },
        el('div', { class: 'search tbar__search' }, icon('search'), this.#search),
        el('div', { class: 'tbar__end' }, this.#export, rename, remove)))
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
      if (this.#search.value !== this.#view.q) this.#change({ ...this.#view, q: this.#search.value, page: 1 }, 'replace')
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
  #change(view: TableView, how: 'push' | 'replace' = 'push'): void {
    this.#context.setUrl(`${location.pathname}${writeView(view)}`, how)
    this.show(view)
  }

  show(view: TableView): void {
    this.#view = view
    void this.load('again')
  }

  /** The table may have changed: reads what is on show anew, and leaves search, place and focus. */
  async refresh(info: TableInfo): Promise<void> {
    const isSame = JSON.stringify(info) === JSON.stringify(this.#info)
    this.#info = info
    if (!isSame) this.#paintSource()
    await this.load('changed')
  }

  /** @param which `changed` is not asked for by the person who looks at it, and moves nothing */
  async load(which: 'first' | 'again' | 'changed'): Promise<void> {
    this.#loading?.abort()
    const loading = new AbortController()
    this.#loading = loading
    const signal = AbortSignal.any([this.#context.signal, loading.signal])
    this.#wrap.classList.toggle('is-loading', which === 'again')
    const { page, sort, q } = this.#view
    const offset = (page - 1) * this.#perPage
    try {
      const rows = await api.rows(this.#info.name, { limit: this.#perPage, offset, sort, q }, signal)
      if (signal.aborted) return
      const pages = pageCount(rows.total, this.#perPage)
      // The address may name a page that is no longer there.
      if (page > pages) {
        this.#view = { ...this.#view, page: pages }
        this.#context.setUrl(`${location.pathname}${writeView(this.#view)}`, 'replace')
        await this.load(which)
        return
      }
      const shows = JSON.stringify([rows, this.#view])
      if (which === 'changed' && shows === this.#shows) {
        this.#paintCounts(rows)
        return
      }
      this.#shows = shows
      const place = { top: this.#wrap.scrollTop, left: this.#wrap.scrollLeft, row: this.#focusedRow() }
      this.#paint(rows, offset)
      if (which === 'again') this.#announce(rows)
      if (which === 'changed') this.#keepPlace(place, rows)
    } catch (error) {
      if (signal.aborted) return
      if (which !== 'again') throw error
      await this.#failed(error)
    } finally {
      if (this.#loading === loading) this.#wrap.classList.remove('is-loading')
    }
  }

  #paint(rows: RowsPage, offset: number): void {
    const { q } = this.#view
    if (this.#search !== document.activeElement) this.#search.value = q
    this.#paintCounts(rows)
    this.#export.href = api.exportUrl(this.#info.name, this.#view)
    this.#closeDetail()
    const head = this.#head(rows.columns)
    this.#grid.setAttribute('aria-rowcount', String(rows.total + 1))
    this.#grid.tBodies[0]?.remove()
    if (head.parentElement !== this.#grid) this.#grid.append(head)
    this.#grid.append(gridBody(rows, offset, (index) => this.#openDetail(rows, offset, index)))
    this.#wrap.hidden = rows.total === 0
    this.#wrap.scrollTop = 0
    this.#blank.hidden = rows.total > 0
    if (rows.total === 0) this.#paintBlank()
    const { page, sort } = this.#view
    const shown = rows.rows.length
    this.#pager.paint({ total: rows.total, shown, offset, perPage: this.#perPage, columns: rows.columns.length, sort, page })
  }

  #paintCounts({ total }: RowsPage): void {
    const columns = plural(this.#info.columns.length, 'column')
    setText(this.#counts, this.#view.q ? `${count(total)} of ${plural(this.#info.rows, 'row')}` : `${plural(this.#info.rows, 'row')}, ${columns}`)
  }

  /** Where the focus is among the rows; the row whose detail is open where it is in that. -1: elsewhere. */
  #focusedRow(): number {
    const rows = [...this.#grid.tBodies[0]?.rows ?? []]
    if (this.#detail?.contains(document.activeElement)) return rows.findIndex((row) => row.hasAttribute('data-selected'))
    return rows.findIndex((row) => row.contains(document.activeElement))
  }

  #keepPlace({ top, left, row }: { top: number, left: number, row: number }, { total }: RowsPage): void {
    this.#wrap.scrollTo(left, top)
    if (row >= 0) (this.#grid.tBodies[0]?.rows[row]?.querySelector<HTMLElement>('.rowopen') ?? this.#wrap).focus({ preventScroll: true })
    this.#context.announce(`The table has changed. ${plural(total, 'row')}.`)
  }

  /** The header is made anew only where it says something new: thousands of columns take long to lay out. */
  #head(columns: ColumnInfo[]): HTMLElement {
    const says = JSON.stringify([this.#view.sort, columns])
    if (this.#shownHead?.says === says) return this.#shownHead.element
    const old = this.#shownHead?.element
    const focused = old?.contains(document.activeElement) ? document.activeElement?.closest('th')?.cellIndex : undefined
    const element = gridHead(columns, this.#view, (column) => this.#change({ ...this.#view, sort: nextSort(this.#view, column), page: 1 }))
    if (old) old.replaceWith(element)
    // The button that was pressed has been made anew: the focus stays where it was.
    if (focused !== undefined) element.querySelectorAll<HTMLElement>('th > button')[focused]?.focus({ preventScroll: true })
    this.#shownHead = { says, element }
    return element
  }

  #paintBlank(): void {
    const { q } = this.#view
    if (!q) {
      this.#blank.replaceChildren(el('h2', {}, 'No rows'), el('p', {}, 'This table has columns and no rows.'))
      return
    }
    const clear = () => {
      this.#search.value = ''
      this.#change({ ...this.#view, q: '', page: 1 })
      this.#search.focus()
    }
    this.#blank.replaceChildren(
      el('h2', {}, 'No rows match'),
      el('p', {}, `Nothing in ${plural(this.#info.rows, 'row')} contains `, el('span', { class: 'data' }, q), '.'),
      el('p', {}, el('button', { type: 'button', class: 'btn', on: { click: clear } }, 'Clear search')))
  }

  #announce(rows: RowsPage): void {
    const column = rows.columns.find(({ name }) => sortedBy(this.#view, name) !== undefined)
    const sorted = column ? ` Sorted by ${column.name}, ${sortedBy(this.#view, column.name) ?? ''}.` : ''
    const pages = pageCount(rows.total, this.#perPage)
    this.#context.announce(`${plural(rows.total, 'row')}. Page ${count(this.#view.page)} of ${count(pages)}.${sorted}`)
  }

  async #failed(error: unknown): Promise<void> {
    const page = await failurePage(error)(this.#context)
    this.#wrap.hidden = true
    this.#blank.hidden = false
    this.#blank.replaceChildren(page.content)
  }

  #openDetail(rows: RowsPage, offset: number, index: number): void {
    const selected = this.#grid.tBodies[0]?.rows
    for (const [position, row] of [...selected ?? []].entries()) row.toggleAttribute('data-selected', position === index)
    const detail = rowDetail({
      page: rows, offset, index,
      go: (next) => {
        this.#openDetail(rows, offset, next)
        selected?.[next]?.scrollIntoView({ block: 'nearest' })
      },
      close: () => {
        this.#closeDetail()
        selected?.[index]?.querySelector<HTMLElement>('.rowopen')?.focus()
      },
    })
    this.#detail?.remove()
    this.#detail = detail
    this.#main.append(detail)
    detail.querySelector<HTMLElement>('h2')?.focus()
  }

  #closeDetail(): void {
    this.#detail?.remove()
    this.#detail = undefined
    this.#grid.querySelector('[data-selected]')?.removeAttribute('data-selected')
  }

  async #rename(): Promise<void> {
    const { name } = this.#info
    const renamed = await this.#context.renameTable(name)
    if (renamed === undefined) return
    this.#context.navigate(`/tables/${encodeURIComponent(renamed)}`, 'replace')
    this.#context.toast({ tone: 'ok', title: 'Renamed to', data: renamed })
  }

  async #delete(): Promise<void> {
    const { name, rows } = this.#info
    const yes = await this.#context.confirm({
      title: `Delete ${name}?`, text: `The table and its ${plural(rows, 'row')} go. Export it first if you may want it back.`, no: 'Keep the table', yes: 'Delete table',
    })
    if (!yes) return
    try {
      await api.deleteTable(name)
      this.#context.toast({ tone: 'info', title: 'Deleted', data: name, text: `${plural(rows, 'row')} removed.` })
      this.#context.navigate('/')
    } catch (error) {
      this.#context.toast({ tone: 'bad', title: 'The table was not deleted', text: error instanceof ApiError ? error.message : 'It could not be deleted.' })
    }
  }
}
