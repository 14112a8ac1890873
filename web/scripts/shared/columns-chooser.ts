/** Which columns are on show, chosen from all there are. */
import type { ColumnInfo } from '../../../server/protocol.ts'
import { el, icon, setText } from './dom.ts'
import { count, plural } from './format.ts'
import { TYPE_WORDS } from './grid.ts'

/** @param choose is told the names of those to show, after each change */
export function columnsChooser(columns: readonly ColumnInfo[], shownAtFirst: ReadonlySet<string>, choose: (shown: ReadonlySet<string>) => void): Node[] {
  const shown = new Set(shownAtFirst)
  const search = el('input', { 'class': 'input', 'type': 'search', 'placeholder': 'Find a column', 'aria-label': 'Find a column', 'autofocus': true })
  const says = el('p', { class: 'xs muted num', role: 'status' })
  const entries = columns.map((column) => {
    const input = el('input', { type: 'checkbox' })
    input.checked = shown.has(column.name)
    input.addEventListener('change', () => set([column.name], input.checked))
    return { column, input, line: el('li', {}, el('label', {}, input, el('span', { class: 'data truncate', dir: 'auto', title: column.name }, column.name), el('small', {}, TYPE_WORDS[column.type]))) }
  })
  const matching = () => entries.filter(({ line }) => !line.hidden)
  const set = (names: string[], isShown: boolean) => {
    for (const name of names) {
      if (isShown) shown.add(name)
      else shown.delete(name)
    }
    // There is always one: a table without columns would have no rows to see either.
    if (shown.size === 0) shown.add(names[0] ?? columns[0]!.name)
    paint()
    choose(shown)
  }
  const paint = () => {
    for (const { input, column } of entries) input.checked = shown.has(column.name)
    const found = matching().length
    setText(says, found < columns.length ? `${plural(found, 'column')} found, ${count(shown.size)} of ${count(columns.length)} shown` : `${count(shown.size)} of ${plural(columns.length, 'column')} shown`)
  }
  search.addEventListener('input', () => {
    const wanted = search.value.toLowerCase()
    for (const { column, line } of entries) line.hidden = !column.name.toLowerCase().includes(wanted)
    paint()
  })
  paint()
  const button = (text: string, isShown: boolean) =>
    el('button', { type: 'button', class: 'btn btn--sm', on: { click: () => set(matching().map(({ column }) => column.name), isShown) } }, text)
  return [
    el('div', { class: 'search' }, icon('search'), search), says,
    el('ul', { 'class': 'chooser', 'aria-label': 'Columns' }, ...entries.map(({ line }) => line)),
    el('div', { class: 'colfilter__foot' }, button('Show all', true), button('Hide all', false)),
  ]
}
