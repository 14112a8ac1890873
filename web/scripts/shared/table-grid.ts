/**
 * The grid of the table page. Every cell can be reached with the arrow keys; where there are very many, only the columns in
 * sight are in the document, and those beside them are stood in for by a cell as wide as all of them.
 */
import type { CellValue, ColumnInfo, Order } from '../../../server/protocol.ts'
import { el, icon } from './dom.ts'
import { cellClass, isNumber, markedContent, richContent, rowButton, TYPE_WORDS } from './grid.ts'
import { cellText, sortedBy, textWidth } from './table-view.ts'

export interface GridRows {
  columns: ColumnInfo[]
  /** Where each of them is in a row. */
  positions: number[]
  rows: CellValue[][]
  /** Of the first row, from 0. */
  offset: number
  total: number | null
  /** Absent where the rows are in the order of the table. */
  order: Order | undefined
  q: string
  indexed: ReadonlySet<string>
}

export interface GridActions {
  /** Shows a row whole. */
  open: (index: number) => void
  /** Opens what can be done with a column, beside its header. */
  menu: (column: ColumnInfo, button: HTMLButtonElement) => void
  /** The widths that people chose, by column name. */
  widths: Map<string, number>
  resized: () => void
  said: (text: string) => void
}

/** More cells than this at once make the browser stutter; then only those in sight are made. */
const MOST_CELLS = 6_000
/** Columns made beyond each edge of what is in sight, px. */
const MARGIN = 600
/** One character of the data's font, px, and what is around a cell's and a header's text. */
const CHARACTER = 7.55
const SMALL_CHARACTER = 6
const CELL_SPACE = 26
const HEAD_SPACE = 50
const NARROWEST = 64
const WIDEST = 352
const WIDEST_CHOSEN = 1200
const STEP = 16
/** Values longer than this are not measured further. */
const LONGEST_MEASURED = 60
const HEAD = -1

export class TableGrid {
  readonly element: HTMLElement
  readonly #table = el('table', { class: 'grid grid--fixed' })
  readonly #columnWidths = el('colgroup')
  readonly #head = el('thead')
  readonly #body = el('tbody')
  readonly #actions: GridActions
  /** By column name, as wide as what was seen of it so far. */
  readonly #measured = new Map<string, number>()
  #rows: GridRows | undefined
  /** Where each column begins, and after the last one the end. */
  #lefts: number[] = [0]
  #window = { from: 1, to: 1 }
  #gutter = 0
  /** The cell that the keyboard is at. */
  #row = 0
  #column = 0
  #selected = -1

  constructor(label: string, actions: GridActions) {
    this.#actions = actions
    this.#table.append(this.#columnWidths, this.#head, this.#body)
    this.element = el('div', { 'class': 'grid-wrap', 'role': 'region', 'aria-label': label, 'tabindex': -1 }, this.#table)
    this.element.addEventListener('scroll', () => this.#scrolled(), { passive: true })
    this.element.addEventListener('keydown', (event) => this.#key(event))
    this.element.addEventListener('focusin', (event) => this.#focused(event.target as Element))
    this.element.addEventListener('dblclick', (event) => this.#expand(event.target as Element))
    this.element.addEventListener('copy', (event) => this.#copy(event))
    new ResizeObserver(() => this.#layOut()).observe(this.element)
  }

  /** Draws rows. @param keepPlace whether they are where the person was already looking */
  paint(rows: GridRows, keepPlace = false): void {
    const hadFocus = this.element.contains(document.activeElement)
    const columnsBefore = this.#rows?.columns.map(({ name }) => name).join('\n')
    this.#rows = rows
    this.#selected = -1
    this.#column = Math.min(this.#column, rows.columns.length - 1)
    this.#row = Math.min(this.#row, rows.rows.length - 1)
    if (!keepPlace) {
      this.element.scrollTop = 0
      if (this.#row > 0) this.#row = 0
    }
    if (columnsBefore !== undefined && columnsBefore !== rows.columns.map(({ name }) => name).join('\n')) this.element.scrollLeft = 0
    this.#measure()
    this.#layOut()
    this.#table.setAttribute('aria-rowcount', String(rows.total === null ? -1 : rows.total + 1))
    this.#table.setAttribute('aria-colcount', String(rows.columns.length))
    this.#draw()
    if (hadFocus) this.focus()
  }

  /** Puts the focus on the cell that the keyboard is at; while that is scrolled so far away that it is not made, on the grid, which has the same keys. */
  focus(): void {
    (this.#cell(this.#row, this.#column) ?? this.element).focus({ preventScroll: true })
  }

  /** Marks a row, and brings it into sight. */
  select(index: number): void {
    this.#selected = index
    for (const [position, row] of [...this.#body.rows].entries()) row.toggleAttribute('data-selected', position === index)
    if (index < 0) return
    this.#row = index
    this.#body.rows[index]?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    this.#updateTabStop()
  }

  /** Puts the focus on the button that opens a row. */
  focusRow(index: number): void {
    this.#go(index, 0)
  }

  headButton(column: string): HTMLElement | null {
    const index = this.#rows?.columns.findIndex(({ name }) => name === column) ?? -1
    return index < 0 ? null : this.#cell(HEAD, index)
  }

  #measure(): void {
    const { columns, positions, rows } = this.#rows!
    columns.forEach((column, index) => {
      let characters = 0
      for (const row of rows) {
        const value = row[positions[index]!] ?? null
        if (value !== null) characters = Math.max(characters, textWidth(cellText(value, column).slice(0, LONGEST_MEASURED)))
      }
      const head = Math.max(textWidth(column.name) * CHARACTER, this.#typeWords(column).length * SMALL_CHARACTER) + HEAD_SPACE
      const width = Math.max(NARROWEST, characters * CHARACTER + CELL_SPACE, head, this.#measured.get(column.name) ?? 0)
      this.#measured.set(column.name, Math.min(WIDEST, Math.ceil(width)))
    })
  }

  #typeWords(column: ColumnInfo): string {
    return `${TYPE_WORDS[column.type]}${this.#rows!.indexed.has(column.name) ? ', indexed' : ''}`
  }

  /** The widths of all columns; the last one takes what is left of the window. */
  #layOut(): void {
    const shown = this.#rows
    if (!shown) return
    // The first rows are drawn before the page is in the document, where it will be as wide as the window.
    const available = this.element.isConnected ? this.element.clientWidth : document.documentElement.clientWidth
    const isNarrow = available < 640
    this.#gutter = isNarrow ? 4 : 28
    const widths = shown.columns.map(({ name }, index) => {
      const width = (this.#actions.widths.get(name) ?? this.#measured.get(name) ?? NARROWEST) + this.#gutterOf(index)
      return index === 0 && isNarrow ? Math.min(width, 130) : width
    })
    const total = widths.reduce((sum, width) => sum + width, 0)
    if (total < available) widths[widths.length - 1]! += available - total
    this.#lefts = [0]
    for (const width of widths) this.#lefts.push(this.#lefts.at(-1)! + width)
    this.#table.style.setProperty('--grid-width', `${this.#lefts.at(-1)!}px`)
    const before = this.#window
    this.#window = this.#inSight()
    if (before.from !== this.#window.from || before.to !== this.#window.to) {
      if (this.#head.rows.length > 0) this.#redraw()
    } else {
      this.#setWidths()
    }
  }

  /** What the first and the last column have beside the page's edge, px. */
  #gutterOf(position: number): number {
    return (position === 0 ? this.#gutter : 0) + (position === this.#rows!.columns.length - 1 ? this.#gutter : 0)
  }

  /** Of the columns after the first, those to be in the document. */
  #inSight(): { from: number, to: number } {
    const { columns, rows } = this.#rows!
    if (columns.length * rows.length <= MOST_CELLS) return { from: 1, to: columns.length }
    const left = this.element.scrollLeft - MARGIN
    const right = this.element.scrollLeft + this.element.clientWidth + MARGIN
    let from = 1
    while (from < columns.length - 1 && this.#lefts[from + 1]! < left) from++
    let to = from
    while (to < columns.length && this.#lefts[to]! < right) to++
    return { from, to }
  }

  #scrolled(): void {
    if (!this.#rows) return
    const { from, to } = this.#inSight()
    const { clientWidth, scrollLeft } = this.element
    const hasLeft = this.#window.from === 1 || this.#lefts[this.#window.from]! <= scrollLeft
    const hasRight = this.#window.to >= this.#rows.columns.length || this.#lefts[this.#window.to]! >= scrollLeft + clientWidth
    if (hasLeft && hasRight) return
    this.#window = { from, to }
    this.#redraw()
  }

  #redraw(): void {
    const hadFocus = this.element.contains(document.activeElement)
    this.#draw()
    if (hadFocus) this.focus()
  }

  /** What is in the document of one row: the first cell, what stands for those before the window, the window, and what is after. */
  #lay(first: Element, make: (column: number) => Element): Element[] {
    const { from, to } = this.#window
    const cells: Element[] = [first]
    if (from > 1) cells.push(el('td', { 'class': 'grid__gap', 'aria-hidden': true }))
    for (let column = from; column < to; column++) cells.push(make(column))
    if (to < this.#rows!.columns.length) cells.push(el('td', { 'class': 'grid__gap', 'aria-hidden': true }))
    return cells
  }

  #draw(): void {
    const { rows } = this.#rows!
    this.#columnWidths.replaceChildren(...this.#lay(el('col'), () => el('col')).map((element) => element.tagName === 'TD' ? el('col') : element))
    this.#setWidths()
    this.#head.replaceChildren(el('tr', { 'aria-rowindex': 1 }, ...this.#lay(this.#headCell(0), (column) => this.#headCell(column))))
    this.#body.replaceChildren(...rows.map((row, index) => this.#line(row, index)))
    this.#updateTabStop()
  }

  #setWidths(): void {
    const { from, to } = this.#window
    const end = this.#lefts.length - 1
    const widths = [this.#lefts[1]!]
    if (from > 1) widths.push(this.#lefts[from]! - this.#lefts[1]!)
    for (let column = from; column < to; column++) widths.push(this.#lefts[column + 1]! - this.#lefts[column]!)
    if (to < end) widths.push(this.#lefts[end]! - this.#lefts[to]!)
    for (const [index, element] of [...this.#columnWidths.children].entries()) (element as HTMLElement).style.setProperty('width', `${widths[index]!}px`)
  }

  #headCell(position: number): HTMLElement {
    const { columns, order } = this.#rows!
    const column = columns[position]!
    const sorted = sortedBy(order, column.name)
    const button = el('button', {
      'type': 'button', 'class': 'colhead', 'data-sorted': sorted, 'tabindex': -1, 'aria-haspopup': 'dialog', 'aria-expanded': 'false',
      'on': { click: () => this.#actions.menu(column, button) },
    },
    el('span', { class: 'data truncate', dir: 'auto' }, column.name || ' '),
    el('small', {}, this.#typeWords(column)),
    icon(sorted === 'descending' ? 'arrow-down' : sorted === 'ascending' ? 'arrow-up' : 'chevron-down'))
    const handle = el('span', { 'class': 'grid__handle', 'aria-hidden': true })
    handle.addEventListener('pointerdown', (event) => this.#drag(event, column, position))
    return el('th', {
      'scope': 'col', 'aria-sort': sorted, 'aria-colindex': position + 1, 'class': isNumber(column) ? 'n' : undefined, 'title': column.name,
    }, button, handle)
  }

  #line(row: CellValue[], index: number): HTMLElement {
    const { columns, positions, offset, q } = this.#rows!
    const line = document.createElement('tr')
    line.setAttribute('aria-rowindex', String(offset + index + 2))
    if (index === this.#selected) line.setAttribute('data-selected', '')
    const cell = (tag: 'td' | 'th', position: number): HTMLTableCellElement => {
      const made = document.createElement(tag)
      made.setAttribute('aria-colindex', String(position + 1))
      made.className = cellClass(columns[position]!)
      return made
    }
    const first = cell('th', 0)
    const value = row[positions[0]!] ?? null
    first.scope = 'row'
    const button = rowButton(value, columns[0]!, offset + index + 1, () => this.#actions.open(index), markedContent(value, columns[0]!, q))
    button.tabIndex = -1
    first.append(button)
    line.append(...this.#lay(first, (position) => {
      const made = cell('td', position)
      made.tabIndex = -1
      made.append(richContent(row[positions[position]!] ?? null, columns[position]!, q))
      return made
    }))
    return line
  }

  /** What takes the focus at a place: buttons in the header and the first column, cells elsewhere. */
  #cell(row: number, column: number): HTMLElement | null {
    const line = row === HEAD ? this.#head.rows[0] : this.#body.rows[row]
    const cell = line?.querySelector<HTMLElement>(`[aria-colindex="${column + 1}"]`) ?? null
    return cell?.querySelector<HTMLElement>(':scope > button') ?? cell
  }

  #updateTabStop(): void {
    this.#table.querySelector('[tabindex="0"]')?.setAttribute('tabindex', '-1')
    const stop = this.#cell(this.#row, this.#column) ?? this.#cell(HEAD, 0)
    stop?.setAttribute('tabindex', '0')
  }

  #focused(target: Element): void {
    const cell = target.closest<HTMLElement>('[aria-colindex]')
    const line = cell?.closest('tr')
    if (!cell || !line) return
    this.#column = Number(cell.getAttribute('aria-colindex')) - 1
    this.#row = line.parentElement === this.#head ? HEAD : line.sectionRowIndex
    this.#updateTabStop()
  }

  #go(row: number, column: number): void {
    const { rows, columns } = this.#rows!
    this.#row = Math.min(rows.length - 1, Math.max(HEAD, row))
    this.#column = Math.min(columns.length - 1, Math.max(0, column))
    this.#bringIntoSight()
    this.#updateTabStop()
    this.focus()
  }

  #bringIntoSight(): void {
    const wrap = this.element
    if (this.#column > 0) {
      const left = this.#lefts[this.#column]!
      const right = this.#lefts[this.#column + 1]!
      const frozen = this.#lefts[1]!
      if (left - frozen < wrap.scrollLeft) wrap.scrollLeft = left - frozen
      else if (right > wrap.scrollLeft + wrap.clientWidth) wrap.scrollLeft = Math.min(left - frozen, right - wrap.clientWidth)
      this.#scrolled()
    }
    const line = this.#body.rows[this.#row]
    if (!line) return
    const top = line.offsetTop - this.#head.offsetHeight
    if (top < wrap.scrollTop) wrap.scrollTop = top
    else if (line.offsetTop + line.offsetHeight > wrap.scrollTop + wrap.clientHeight) wrap.scrollTop = line.offsetTop + line.offsetHeight - wrap.clientHeight
  }

  #key(event: KeyboardEvent): void {
    if (!this.#rows || event.altKey) return
    const isControl = event.ctrlKey || event.metaKey
    const isHead = this.#row === HEAD
    const to = this.#step(event.key, isControl)
    if (event.shiftKey) {
      if (!isHead || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return
      this.#resizeBy(this.#rows.columns[this.#column]!, event.key === 'ArrowRight' ? STEP : -STEP)
    } else if (to) {
      this.#go(...to)
    } else if (event.key === 'Enter' && !isHead && !isControl) {
      this.#actions.open(this.#row)
    } else if (event.key === ' ' && !isHead && this.#column > 0) {
      // Scrolled far away, it is not made.
      this.#go(this.#row, this.#column)
      this.#expand(this.#cell(this.#row, this.#column)!)
    } else {
      return
    }
    event.preventDefault()
  }

  /** The row and the column that a key leads to. */
  #step(key: string, isFar: boolean): [row: number, column: number] | undefined {
    const last = this.#rows!.rows.length - 1
    const page = Math.max(1, Math.floor((this.element.clientHeight - this.#head.offsetHeight) / (this.#body.rows[0]?.offsetHeight ?? Infinity)) - 1)
    switch (key) {
      case 'ArrowDown': return [isFar ? last : this.#row + 1, this.#column]
      case 'ArrowUp': return [isFar ? 0 : this.#row - 1, this.#column]
      case 'ArrowRight': return [this.#row, isFar ? Infinity : this.#column + 1]
      case 'ArrowLeft': return [this.#row, isFar ? 0 : this.#column - 1]
      case 'Home': return [isFar ? 0 : this.#row, 0]
      case 'End': return [isFar ? last : this.#row, Infinity]
      case 'PageDown': return [this.#row + page, this.#column]
      case 'PageUp': return [Math.max(0, this.#row - page), this.#column]
      default: return undefined
    }
  }

  /** Shows a long text whole, in its place, or cut again. */
  #expand(target: Element): void {
    const cell = target.closest('tbody td')
    const isOpen = cell?.classList.contains('is-open') ?? false
    this.#body.querySelector('.is-open')?.classList.remove('is-open')
    if (cell && !isOpen && !cell.matches('.grid__gap')) cell.classList.add('is-open')
  }

  /** Copies the cell at the keyboard, unless some text is selected. */
  #copy(event: ClipboardEvent): void {
    if (!this.#rows || this.#row < 0 || getSelection()?.isCollapsed === false) return
    const { columns, positions, rows } = this.#rows
    const value = rows[this.#row]?.[positions[this.#column]!] ?? null
    event.clipboardData?.setData('text/plain', value === null ? '' : cellText(value, columns[this.#column]!))
    event.preventDefault()
    this.#actions.said(`Copied ${columns[this.#column]!.name}.`)
  }

  #drag(event: PointerEvent, column: ColumnInfo, position: number): void {
    if (event.button !== 0) return
    event.preventDefault()
    const handle = event.currentTarget as HTMLElement
    const startX = event.clientX
    const startWidth = this.#lefts[position + 1]! - this.#lefts[position]! - this.#gutterOf(position)
    handle.setPointerCapture(event.pointerId)
    const move = (moved: PointerEvent) => this.#setWidth(column, startWidth + (moved.clientX - startX) * (getComputedStyle(this.element).direction === 'rtl' ? -1 : 1))
    handle.addEventListener('pointermove', move)
    handle.addEventListener('lostpointercapture', () => {
      handle.removeEventListener('pointermove', move)
      this.#actions.resized()
    }, { once: true })
  }

  #resizeBy(column: ColumnInfo, change: number): void {
    const width = this.#actions.widths.get(column.name) ?? this.#measured.get(column.name) ?? NARROWEST
    this.#setWidth(column, width + change)
    this.#actions.resized()
    this.#actions.said(`${column.name}, ${Math.round(this.#actions.widths.get(column.name)!)} pixels wide.`)
  }

  #setWidth({ name }: ColumnInfo, width: number): void {
    this.#actions.widths.set(name, Math.min(WIDEST_CHOSEN, Math.max(NARROWEST, width)))
    this.#layOut()
  }
}
