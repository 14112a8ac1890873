/** Home: an empty sheet that waits for the first file, or every table and what came in last. */
import type { BackupInfo, ImportRecord, TableInfo } from '../../../server/protocol.ts'
import { api } from '../shared/api.ts'
import { newestVerified } from '../shared/backup-view.ts'
import { el, icon, refill, setText } from '../shared/dom.ts'
import { ago, bytes, count, plural } from '../shared/format.ts'
import { statusOf } from '../shared/import-status.ts'
import { dropWords } from '../shared/intake.ts'
import type { Job } from '../shared/jobs.ts'
import type { MakePage, Page, PageContext } from '../shared/page.ts'
import { isWaiting } from '../shared/progress-state.ts'
import { lineOf } from '../shared/progress-view.ts'
import { rereading } from '../shared/reread.ts'
import { refusedBox, showRefused } from './refused.ts'

const RECENT = 5
const ACCEPT = '.csv,.tsv,.tab,.psv,.txt,text/csv,text/tab-separated-values,text/plain'

export const homePage: MakePage = async (context) => {
  const shown = await readHome(context)
  return shown.tables.length === 0 ? emptyHome(context, shown) : filledHome(context, shown)
}

interface Shown {
  tables: TableInfo[]
  imports: ImportRecord[]
  /** Undefined where the folder of the backups cannot be read: tables are shown all the same. */
  backups: BackupInfo[] | undefined
}

async function readHome({ signal }: PageContext): Promise<Shown> {
  const [tables, imports, backups] = await Promise.all([api.tables(signal), api.imports(signal), api.backups(signal).catch(() => undefined)])
  return { tables, imports, backups }
}

interface Drop {
  element: HTMLElement
  refused: HTMLElement
  /** Shows how many files are over the window. */
  over: (files: number) => void
}

/** The visible part of the drop target. The whole of it opens the file dialog; so does its input by keyboard. */
function dropZone(kind: 'page' | 'bar', words: HTMLElement, ...content: Node[]): Drop {
  const rest = [...words.childNodes]
  const element = el('div', { class: `drop drop--${kind}`, on: { click: (event) => press(event) } }, ...content)
  const press = (event: Event) => {
    if (event.target instanceof Element && !event.target.closest('button, a, label, input')) element.querySelector('input')?.click()
  }
  return {
    element,
    refused: refusedBox(),
    over: (files) => {
      element.classList.toggle('is-over', files > 0)
      if (files > 0) setText(words, dropWords(files))
      else words.replaceChildren(...rest)
    },
  }
}

function fileButton(context: PageContext, primary: boolean): HTMLElement {
  const input = el('input', { class: 'vh', type: 'file', multiple: true, accept: ACCEPT })
  input.addEventListener('change', () => {
    context.takeFiles([...input.files ?? []])
    // The same file may be chosen again later; without this it would be no change.
    input.value = ''
  })
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      event.preventDefault()
      input.click()
    }
  })
  return el('label', { class: primary ? 'btn btn--primary' : 'btn' }, input, 'Choose file')
}

function emptyHome(context: PageContext, shown: Shown): Page {
  const { imports } = shown
  const recent = recentPanel(context, imports)
  const under = el('div', { class: 'cols--home' }, recent.element)
  const frame = () => {
    recent.frame()
    under.hidden = imports.length === 0 && runningImports(context).length === 0
  }
  frame()
  const words = el('h2', {}, el('span', { class: 'd-only' }, 'Drop a CSV file here'), el('span', { class: 'm-only' }, 'Choose a CSV file'))
  const sample = el('button', { type: 'button', class: 'link', on: { click: () => void context.takeSample() } }, 'Try a sample of 5,000 rows')
  const numbers = el('i', {}, ...Array.from({ length: 11 }, (_, index) => el('b', {}, String(index + 1))))
  const drop = dropZone('page', words,
    el('span', { 'class': 'drop__cols', 'aria-hidden': 'true' }, numbers, ...Array.from({ length: 5 }, () => el('i'))),
    el('div', { class: 'drop__label' }, icon('file-up'), words,
      el('span', { class: 'soft' }, 'Comma, semicolon, tab or pipe. ', el('span', { class: 'nowrap' }, 'Any encoding, any size.')),
      fileButton(context, true),
      el('span', { class: 'small muted' }, 'No file at hand? ', sample)))
  const fact = (title: string, text: string) => el('div', {}, el('h2', {}, title), el('p', {}, text))
  const content = el('div', {},
    el('div', { class: 'page__head' },
      el('div', {}, el('h1', {}, 'Bring in your first file'), el('p', {}, 'It becomes a table you can search, sort, filter and export.')),
      el('div', { class: 'page__actions' }, el('a', { class: 'btn btn--quiet btn--flush', href: '/backups' }, icon('rotate-ccw'), 'Restore from a backup'))),
    drop.refused, drop.element,
    under,
    el('div', { class: 'facts3' },
      fact('You see every step', 'What is done, what is left, and when the page last heard from the server. Close the tab once the file is up; the server works on.'),
      fact('Every row accounted for', 'Rows in, rows updated, rows rejected and why. The numbers add up to the file, every time.'),
      fact('All of it or nothing', 'A table appears when the last row is in. A cancelled or failed import leaves nothing behind.')))
  return {
    title: 'Tables', className: 'page', content, hasOwnMainAction: true,
    onRefused: (messages) => showRefused(drop.refused, messages),
    onDragOver: drop.over,
    onFrame: frame,
    showsHistory: true,
    onDataChanged: rereading(context.signal, () => readHome(context), (now) => {
      if (JSON.stringify(now) !== JSON.stringify(shown)) context.reload()
    }),
  }
}

function filledHome(context: PageContext, { tables, imports, backups }: Shown): Page {
  const words = el('strong', {},
    el('span', { class: 'd-only' }, 'Drop a CSV anywhere on this page'), el('span', { class: 'm-only' }, 'Bring in a CSV file'))
  const drop = dropZone('bar', words,
    icon('file-up', 'lg'),
    el('span', {}, words, el('br'), el('span', { class: 'small muted' }, 'Comma, semicolon, tab or pipe. Any size. You see a preview before anything is written.')),
    fileButton(context, false))
  const sum = el('p', { class: 'num' })
  const recent = recentPanel(context, imports)
  const all = tablesPanel(context)
  const update = (now: TableInfo[]) => {
    setText(sum, `${plural(now.length, 'table')}, ${plural(now.reduce((rows, table) => rows + table.rows, 0), 'row')}`)
    all.update(now)
  }
  update(tables)
  const kept = backupCard(context)
  kept.update(backups)
  const refresh = (now: Shown) => {
    if (now.tables.length === 0) {
      context.reload()
      return
    }
    update(now.tables)
    recent.update(now.imports)
    kept.update(now.backups)
  }
  const content = el('div', {},
    el('div', { class: 'page__head' }, el('div', {}, el('h1', {}, 'Tables'), sum)),
    drop.refused, drop.element,
    el('div', { class: 'cols cols--home' }, all.element, el('div', { class: 'stack' }, recent.element, kept.element)))
  return {
    title: 'Tables', className: 'page', content,
    onRefused: (messages) => showRefused(drop.refused, messages),
    onDragOver: drop.over,
    onFrame: recent.frame,
    // What is typed and focused stays.
    showsHistory: true,
    onDataChanged: rereading(context.signal, () => readHome(context), refresh),
  }
}

function tablesPanel(context: PageContext): { element: HTMLElement, update: (tables: TableInfo[]) => void } {
  let rows: { name: string, element: HTMLElement }[] = []
  const body = el('tbody')
  const none = el('p', { class: 'panel__none muted', hidden: true })
  const find = el('input', { 'class': 'input', 'type': 'search', 'placeholder': 'Find a table', 'aria-label': 'Find a table' })
  const filter = () => {
    const wanted = find.value.trim().toLowerCase()
    for (const { name, element } of rows) element.hidden = !name.toLowerCase().includes(wanted)
    const shown = rows.filter(({ element }) => !element.hidden).length
    none.hidden = shown > 0
    setText(none, `No table is called ${find.value}`)
    return shown
  }
  find.addEventListener('input', () => context.announce(plural(filter(), 'table')))
  const element = el('section', { 'class': 'panel', 'aria-labelledby': 'h-tables' },
    el('div', { class: 'panel__head' },
      el('h2', { id: 'h-tables' }, 'All tables'),
      el('div', { class: 'search search--sm' }, icon('search'), find)),
    el('table', { 'class': 'list list--tables', 'aria-labelledby': 'h-tables' },
      el('thead', {}, el('tr', {},
        el('th', { scope: 'col' }, 'Table'), el('th', { scope: 'col', class: 'end' }, 'Rows'), el('th', { scope: 'col', class: 'end' }, 'Columns'),
        el('th', { scope: 'col' }, 'Last import'))),
      body),
    none)
  return {
    element,
    update: (tables) => {
      const now = Date.now()
      rows = tables.map((table) => ({ name: table.name, element: tableRow(table, now) }))
      refill(body, ...rows.map((row) => row.element))
      filter()
    },
  }
}

function tableRow({ name, rows, columns, lastImport }: TableInfo, now: number): HTMLElement {
  const last = lastImport && [
    ago(lastImport.finishedAt, now),
    el('small', { class: 'truncate', title: lastImport.filename }, `#${lastImport.number} from `, el('span', { class: 'data' }, lastImport.filename)),
  ]
  return el('tr', {},
    el('td', {}, el('a', { class: 'rowlink data', href: `/tables/${encodeURIComponent(name)}` }, name)),
    el('td', { 'class': 'end', 'data-m': 'end' }, count(rows), el('span', { class: 'm-only' }, rows === 1 ? ' row' : ' rows')),
    el('td', { 'class': 'end', 'data-m': 'hide' }, count(columns.length)),
    el('td', { 'class': 'soft', 'data-m': 'full' }, ...last ?? []))
}

/** When the database was last copied, and the way to do it now. */
function backupCard(context: PageContext): { element: HTMLElement, update: (backups: BackupInfo[] | undefined) => void } {
  const said = el('p')
  const update = (backups: BackupInfo[] | undefined) => {
    const newest = backups && newestVerified(backups)
    said.replaceChildren(...newest
      ? [el('span', { class: 'status status--ok' }, icon('shield-check'), `Backed up ${ago(newest.createdAt, Date.now())}`), el('br'), el('span', { class: 'small muted num' }, `${bytes(newest.bytes)}, verified`)]
      : [el('span', { class: 'status status--off' }, backups ? 'Not backed up yet' : 'The backups could not be read')])
  }
  const element = el('section', { 'class': 'panel', 'aria-labelledby': 'h-backups' },
    el('div', { class: 'panel__head' }, el('h2', { id: 'h-backups' }, 'Backups'), el('a', { href: '/backups' }, 'All backups')),
    el('div', { class: 'panel__body backed-up' }, said,
      el('button', { type: 'button', class: 'btn btn--sm', on: { click: () => context.backUp() } }, 'Back up now')))
  return { element, update }
}

interface RecentPanel {
  element: HTMLElement
  frame: () => void
  update: (imports: ImportRecord[]) => void
}

const runningImports = ({ jobs }: PageContext): Job[] => jobs.own().filter(({ state }) => state.kind === 'import' && state.stage !== 'ended')

/** What came in last, with what this tab has under way on top. */
function recentPanel(context: PageContext, imports: ImportRecord[]): RecentPanel {
  const live = el('ul', { class: 'feed feed--live' })
  const list = el('ul', { class: 'feed' })
  const none = el('p', { class: 'panel__none muted' }, 'No import has ended yet.')
  const frame = () => {
    const running = runningImports(context)
    live.hidden = running.length === 0
    while (live.children.length > running.length) live.lastElementChild?.remove()
    running.forEach((job, index) => updateLive(live.children[index] ?? live.appendChild(liveItem(context)), job))
  }
  const update = (now: ImportRecord[]) => {
    const ended = now.filter(({ status }) => status === 'completed' || status === 'error').slice(0, RECENT)
    none.hidden = ended.length > 0
    refill(list, ...ended.map((record) => feedItem(context, record, Date.now())))
    frame()
  }
  update(imports)
  const element = el('section', { 'class': 'panel', 'aria-labelledby': 'h-recent' },
    el('div', { class: 'panel__head' }, el('h2', { id: 'h-recent' }, 'Recent imports'), el('a', { href: '/imports' }, 'All imports')),
    live, list, none)
  return { element, frame, update }
}

function liveItem(context: PageContext): HTMLElement {
  const show = (event: Event) => context.showImport((event.currentTarget as HTMLElement).closest('li')?.dataset['id'] ?? '')
  return el('li', {},
    el('button', { type: 'button', class: 'feed__open data truncate', dir: 'auto', on: { click: show } }),
    el('span', { class: 'num status status--live' }), el('span', { class: 'mini' }, el('i')),
    el('p', { class: 'feed__meta num' }, el('span', {}, icon('hourglass'), el('span'))))
}

function updateLive(item: Element, job: Job): void {
  if (!(item instanceof HTMLElement)) return
  item.dataset['id'] = job.id
  const name = item.querySelector('button')!
  setText(name, job.state.filename)
  name.title = job.state.filename
  // One that waits shows no bar, and the sign that it has in the panel of the top bar.
  const waits = isWaiting(job.state)
  const percent = item.querySelector<HTMLElement>('.status--live')!
  const bar = item.querySelector<HTMLElement>('.mini')!
  percent.hidden = bar.hidden = waits
  setText(percent, `${Math.floor(job.state.percent)}%`)
  bar.querySelector('i')!.style.setProperty('--v', String(job.state.percent / 100))
  const line = item.querySelector<HTMLElement>('p > span')!
  line.className = waits ? 'status status--off' : ''
  line.querySelector('.icon')!.toggleAttribute('hidden', !waits)
  setText(line.querySelector('span')!, lineOf(job.state))
}

function feedItem(context: PageContext, record: ImportRecord, now: number): HTMLElement {
  const { tone, symbol, word } = statusOf(record)
  const meta = word === 'Undone'
    ? undoneWords(record)
    : record.status === 'completed'
      ? `${count(record.rowsRead - record.rowsRejected)} in, ${count(record.rowsRejected)} rejected`
      : word === 'Cancelled' ? 'Cancelled, nothing kept' : record.error ? `Failed: ${record.error.detail}` : 'Failed, nothing kept'
  return el('li', {},
    el('span', { class: `status status--${tone}` }, icon(symbol), el('span', { class: 'vh' }, word)),
    el('button', { type: 'button', class: 'feed__open data truncate', dir: 'auto', title: record.filename, on: { click: () => context.showImport(record.sessionId) } }, record.filename),
    el('time', { datetime: new Date(record.startedAt).toISOString() }, ago(record.finishedAt ?? record.startedAt, now)),
    el('p', { class: 'feed__meta num' }, meta))
}

function undoneWords({ mode, rowsInserted, rowsUpdated }: ImportRecord): string {
  const updated = rowsUpdated > 0 ? `, ${plural(rowsUpdated, 'row')} put back` : ''
  return mode === 'create' ? 'Undone, the table is gone' : `Undone, ${plural(rowsInserted, 'row')} removed${updated}`
}
