/** Tables and their columns beside the editor; pressing a name writes it. */
import type { TableInfo } from '../../../server/protocol.ts'
import { el, icon, refill } from '../shared/dom.ts'
import { count } from '../shared/format.ts'
import { TYPE_WORDS } from '../shared/grid.ts'
import { sqlName } from '../shared/sql-text.ts'

/** The panel, and what shows other tables in it; those that are open stay so. */
export function namesPanel(write: (text: string) => void): { element: HTMLElement, update: (tables: readonly TableInfo[]) => void } {
  const name = (text: string, hint: string) => el('button', { type: 'button', class: 'names__name', title: text, on: { click: () => write(sqlName(text)) } },
    el('span', { class: 'vh' }, 'Write '), el('span', { class: 'data truncate', dir: 'auto' }, text), el('small', {}, hint))
  const table = ({ name: tableName, rows, columns }: TableInfo, isOpen: boolean) => {
    const list = el('ul', {})
    const element = el('details', { 'class': 'names__table', 'data-table': tableName },
      el('summary', {}, icon('chevron-right'), el('span', { class: 'data truncate', dir: 'auto', title: tableName }, tableName), el('small', { class: 'num' }, count(rows))), list)
    // A table may have thousands of columns; they are made when they are looked at.
    const fill = () => {
      if (!element.open || list.children.length > 0) return
      list.append(...[name(tableName, 'table'), ...columns.map((column) => name(column.name, TYPE_WORDS[column.type]))].map((button) => el('li', {}, button)))
    }
    element.addEventListener('toggle', fill)
    element.open = isOpen
    fill()
    return element
  }
  const element = el('aside', { 'class': 'names', 'aria-label': 'Tables and columns' })
  return {
    element,
    update: (tables) => {
      const open = new Set([...element.querySelectorAll<HTMLElement>('details[open]')].map((one) => one.dataset['table']))
      refill(element, ...tables.length > 0
        ? tables.map((info) => table(info, tables.length === 1 || open.has(info.name)))
        : [el('p', { class: 'muted small' }, 'There are no tables yet.')])
    },
  }
}
