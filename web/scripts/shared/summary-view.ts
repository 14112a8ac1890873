/** What a column holds, in figures, in bars, and as the values that are most frequent. */
import type { ColumnSummary } from '../../../server/protocol.ts'
import { el } from './dom.ts'
import { count, plural } from './format.ts'
import { cellContent } from './grid.ts'
import { cellText } from './table-view.ts'

const SVG = 'http://www.w3.org/2000/svg'

/** @param choose is told the values that are ticked, to be filtered by */
export function summaryView(summary: ColumnSummary, choose: (values: (string | null)[]) => void): Node[] {
  const { column, rows, nulls, blanks, distinct, isDistinctExact, least, greatest, histogram, rowsRead } = summary
  const line = (term: string, value: Node | string) => el('div', {}, el('dt', {}, term), el('dd', { class: 'num' }, value))
  const data = (value: ColumnSummary['least']) => el('span', { class: 'data truncate', dir: 'auto', title: value === null ? '' : cellText(value, column) }, cellContent(value, column))
  const isWhole = rowsRead >= rows
  return [
    el('dl', { class: 'summary' },
      line('Rows', count(rows)),
      nulls + blanks > 0 ? line('Empty', count(nulls + blanks)) : line('Empty', 'none'),
      line('Different values', isDistinctExact ? count(distinct) : `${count(distinct)} or more`),
      ...rows > nulls + blanks ? [line('Least', data(least)), line('Greatest', data(greatest))] : []),
    ...histogram ? [bars(histogram, isWhole)] : [],
    ...isWhole ? [] : [el('p', { class: 'xs muted' }, `Different values${histogram ? ', the bars' : ''} and which are most frequent are from a sample of ${plural(rowsRead, 'row')}, spread over all. The other figures are exact.`)],
    values(summary, choose),
  ]
}

function bars({ low, high, counts }: NonNullable<ColumnSummary['histogram']>, isWhole: boolean): SVGSVGElement {
  const most = Math.max(1, ...counts)
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('class', 'summary__bars')
  svg.setAttribute('viewBox', `0 0 ${counts.length * 10} 40`)
  svg.setAttribute('preserveAspectRatio', 'none')
  svg.setAttribute('role', 'img')
  const fullest = counts.indexOf(Math.max(...counts))
  const at = (bucket: number) => Number((low + (high - low) * bucket / counts.length).toPrecision(4))
  svg.setAttribute('aria-label', `How values are spread from ${low} to ${high}${isWhole ? '' : ', in the sample'}; most are from ${at(fullest)} to ${at(fullest + 1)}`)
  counts.forEach((rows, bucket) => {
    const height = rows === 0 ? 0 : Math.max(1, rows / most * 40)
    const bar = document.createElementNS(SVG, 'rect')
    for (const [name, value] of Object.entries({ x: bucket * 10 + 0.5, y: 40 - height, width: 9, height })) bar.setAttribute(name, String(value))
    svg.append(bar)
  })
  return svg
}

function values({ column, rows, nulls, top }: ColumnSummary, choose: (values: (string | null)[]) => void): HTMLElement {
  const all = [...top, ...nulls > 0 ? [{ value: null, rows: nulls }] : []]
  const inputs = all.map(({ value, rows: of }) => {
    const input = el('input', { type: 'checkbox' })
    const text = el('span', { class: 'data truncate', dir: 'auto', title: value === null ? '' : cellText(value, column) }, cellContent(value, column))
    const share = el('span', { class: 'num muted', title: `${(of / rows * 100).toFixed(1)}%` }, count(of))
    return { input, value: value === null ? null : String(value), line: el('li', {}, el('label', {}, input, text, share)) }
  })
  const apply = el('button', { 'class': 'btn btn--sm', 'aria-disabled': 'true' }, 'Show only these')
  const ticked = () => inputs.filter(({ input }) => input.checked).map(({ value }) => value)
  const form = el('form', { class: 'colfilter' }, el('ul', { 'aria-label': 'Most frequent values' }, ...inputs.map(({ line }) => line)),
    el('div', { class: 'colfilter__foot' }, apply))
  form.addEventListener('change', () => apply.setAttribute('aria-disabled', String(ticked().length === 0)))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (ticked().length > 0) choose(ticked())
  })
  form.hidden = all.length === 0
  return form
}
