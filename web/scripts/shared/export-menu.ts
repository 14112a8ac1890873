/** What an export can be, and what becomes of it. */
import { api, ApiError, type ExportOptions, type Selection } from './api.ts'
import { el, icon } from './dom.ts'
import { bytes, count, plural } from './format.ts'
import type { ToastContent } from './page.ts'
import { uuid } from './uuid.ts'

export interface ExportMenuOptions {
  /** Rows of the selection; null while they are counted. */
  rows: number | null
  tableRows: number
  /** About, of one row. */
  csvBytesPerRow: number
  jsonBytesPerRow: number
  pageRows: number
  /** How many columns are on show of how many. */
  shown: number
  columns: number
  start: (format: ExportOptions['format'], choice: { isShownOnly: boolean, formulasAsText: boolean }) => void
  copyPage: () => void
}

const FORMATS: { format: ExportOptions['format'], label: string, isJson: boolean }[] = [
  { format: 'csv', label: 'CSV, comma', isJson: false },
  { format: 'excel', label: 'CSV for Excel', isJson: false },
  { format: 'json', label: 'JSON', isJson: true },
  { format: 'ndjson', label: 'JSON lines', isJson: true },
]

export function exportMenu(options: ExportMenuOptions): Node[] {
  const { rows, tableRows, shown, columns } = options
  const only = el('input', { type: 'checkbox' })
  const defuse = el('input', { 'type': 'checkbox', 'aria-describedby': 'formulas-hint' })
  const says = rows === null ? 'The rows that match' : rows === tableRows ? `All ${plural(rows, 'row')}` : `${count(rows)} of ${plural(tableRows, 'row')}`
  const item = ({ format, label, isJson }: typeof FORMATS[number]) => el('button', { type: 'button', role: 'menuitem', on: { click: () => options.start(format, { isShownOnly: only.checked, formulasAsText: !isJson && defuse.checked }) } },
    label, rows === null ? null : el('small', {}, `about ${bytes(rows * (isJson ? options.jsonBytesPerRow : options.csvBytesPerRow))}`))
  return [
    el('p', { class: 'menu__label num' }, says),
    ...shown < columns ? [el('label', { class: 'check menu__check' }, only, `Only the ${plural(shown, 'column')} on show`)] : [],
    el('label', { class: 'check menu__check' }, defuse, 'Formulas as text in CSV'),
    el('p', { class: 'menu__hint', id: 'formulas-hint' }, 'For files that you do not trust: cells that a spreadsheet would run get an apostrophe in front. This changes them.'),
    el('div', { 'role': 'menu', 'aria-label': 'Export' }, ...FORMATS.map(item),
      ...options.pageRows === 0
        ? []
        : [
            el('hr'),
            el('button', { type: 'button', role: 'menuitem', on: { click: options.copyPage } }, icon('copy'), 'Copy this page', el('small', {}, plural(options.pageRows, 'row'))),
          ]),
  ]
}

/** Begins a download, and says so when it breaks off: the browser does not tell a page what becomes of one. */
export async function startExport(table: string, selection: Selection, options: Omit<ExportOptions, 'id'>, toast: (toast: ToastContent) => void): Promise<void> {
  const id = uuid()
  const link = el('a', { href: api.exportUrl(table, selection, { ...options, id }), download: '' })
  document.body.append(link)
  link.click()
  link.remove()
  const stopped = (detail: string) => toast({ tone: 'bad', title: 'Export stopped', data: table, text: `${detail} The file is not complete.` })
  try {
    const end = await api.exportEnd(id)
    if (end.state === 'stopped') stopped(end.detail)
  } catch (error) {
    if (error instanceof ApiError && error.code === 'EXPORT_NOT_FOUND') {
      toast({ tone: 'info', title: 'Export not begun yet', data: table, text: 'The browser is holding the download back, perhaps until others end.' })
      return
    }
    stopped(error instanceof ApiError && error.status > 0 ? error.message : 'The server cannot be reached.')
  }
}
