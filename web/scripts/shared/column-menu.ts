/** What can be done with one column: sort, filter, look at what it holds, speed up, hide. */
import type { ColumnInfo, ColumnSummary, Filter } from '../../../server/protocol.ts'
import { el, icon } from './dom.ts'
import { filterForm } from './filter-form.ts'
import { shortName } from './format.ts'
import { isDate, isNumber } from './grid.ts'
import type { IconName } from './icon-names.ts'
import { summaryView } from './summary-view.ts'
import { anyOf, type Direction } from './table-view.ts'

export interface ColumnMenuOptions {
  column: ColumnInfo
  sorted: Direction | undefined
  /** Whether an index would be worth its space. */
  isIndexOffered: boolean
  isIndexed: boolean
  /** Whether a summary is quick enough to be shown without being asked for. */
  isQuick: boolean
  canHide: boolean
  /** By this column; undefined is the order of the table. */
  sort: (direction: Direction | undefined) => void
  filter: (filter: Filter) => void
  hide: () => void
  buildIndex: () => void
  removeIndex: () => void
  summarize: () => Promise<ColumnSummary>
  /** The menu has another size now. */
  grown: () => void
}

export function columnMenu(options: ColumnMenuOptions): Node[] {
  const { column, sorted } = options
  const item = (name: IconName, text: string, press: () => void, isOn = false) =>
    el('button', { 'type': 'button', 'aria-pressed': isOn ? 'true' : undefined, 'on': { click: press } }, icon(name), text)
  const [up, down] = isNumber(column)
    ? ['Sort low to high', 'Sort high to low']
    : isDate(column) ? ['Oldest first', 'Newest first'] : ['Sort A to Z', 'Sort Z to A']
  return [
    el('p', { class: 'menu__name data', dir: 'auto', title: column.name }, shortName(column.name)),
    item('arrow-up', up, () => options.sort('ascending'), sorted === 'ascending'),
    item('arrow-down', down, () => options.sort('descending'), sorted === 'descending'),
    ...sorted ? [item('x', 'Do not sort', () => options.sort(undefined))] : [],
    ...options.isIndexOffered ? [item('zap', 'Build an index, sort faster', options.buildIndex)] : [],
    ...options.isIndexed ? [item('trash-2', 'Remove the index', options.removeIndex)] : [],
    el('hr'),
    filterForm([column], options.filter),
    el('hr'),
    summarySection(options),
    ...options.canHide ? [el('hr'), item('eye-off', 'Hide column', options.hide)] : [],
  ]
}

function summarySection({ column, isQuick, summarize, filter, grown }: ColumnMenuOptions): HTMLElement {
  const section = el('section', { 'class': 'menu__summary', 'aria-label': 'Summary' })
  const load = async () => {
    const status = el('p', { class: 'xs muted', role: 'status' }, 'Reading the column…')
    section.replaceChildren(status)
    try {
      section.replaceChildren(...summaryView(await summarize(), (values) => filter(anyOf(column.name, values))))
    } catch (error) {
      section.replaceChildren(el('p', { class: 'xs muted', role: 'status' }, error instanceof Error ? error.message : 'The column could not be read.'))
    }
    grown()
  }
  if (isQuick) void load()
  else section.append(el('button', { type: 'button', on: { click: () => void load() } }, icon('info'), 'Sum up this column'))
  return section
}
