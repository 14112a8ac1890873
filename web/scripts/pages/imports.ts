/** Imports: every file that came in and what became of it. */
import type { ImportMode, ImportRecord } from '../../../server/protocol.ts'
import { api } from '../shared/api.ts'
import { el, icon, refill, setText } from '../shared/dom.ts'
import { count, dayTime, duration, plural } from '../shared/format.ts'
import { statusOf } from '../shared/import-status.ts'
import type { MakePage, PageContext } from '../shared/page.ts'
import { lineOf } from '../shared/progress-view.ts'
import { rereading } from '../shared/reread.ts'
import { runningFollower } from '../shared/running-follower.ts'
import { blockedBy } from '../shared/undo-view.ts'

const MODES: Record<ImportMode, string> = { create: 'Create', append: 'Append', replace: 'Replace all', upsert: 'Update and add' }

const ALL = 'All statuses'

const FILTERS: Record<string, (record: ImportRecord) => boolean> = {
  [ALL]: () => true,
  'Running': (record) => statusOf(record).word === 'Running',
  'Completed': (record) => statusOf(record).word === 'Completed',
  'With rejected rows': ({ rowsRejected }) => rowsRejected > 0,
  'Failed': (record) => statusOf(record).word === 'Failed',
  'Undone': (record) => statusOf(record).word === 'Undone',
  'Cancelled': (record) => statusOf(record).word === 'Cancelled',
}

/** Rows made at a time; a long history comes in with a button. */
const ROWS_AT_ONCE = 200
/** Imports of this tab that the history does not tell of yet are asked for no more often than this. */
const BEGUN_PAUSE_MS = 1_000

/** What the history is searched for, as the address says it. */
const readSearch = (search: string): { q: string, status: string } => {
  const params = new URLSearchParams(search)
  const status = Object.keys(FILTERS).find((name) => name.toLowerCase() === params.get('status'))
  return { q: params.get('q') ?? '', status: status ?? ALL }
}

function writeSearch(q: string, status: string): string {
  const params = new URLSearchParams({ ...q !== '' && { q }, ...status !== ALL && { status: status.toLowerCase() } })
  return params.size > 0 ? `?${params.toString()}` : ''
}

export const importsPage: MakePage = async (context) => {
  let imports = await api.imports(context.signal)
  const body = el('tbody')
  const noneText = el('p', { class: 'muted' })
  const clear = el('button', { type: 'button', class: 'btn btn--sm', on: { click: () => unfilter() } }, 'Clear search and status')
  const none = el('div', { class: 'panel__none none', hidden: true }, noneText, clear)
  const more = el('button', { type: 'button', class: 'btn btn--sm', on: { click: () => paint(shown + ROWS_AT_ONCE) } })
  const find = el('input', { 'class': 'input', 'type': 'search', 'placeholder': 'File or table', 'aria-label': 'Find an import by file or table' })
  const status = el('select', { 'aria-label': 'Status' }, ...Object.keys(FILTERS).map((name) => el('option', {}, name)))
  let shown = 0

  const paint = (most: number) => {
    const wanted = find.value.trim().toLowerCase()
    const fits = FILTERS[status.value] ?? (() => true)
    const found = imports.filter((record) => fits(record) && `${record.filename}\n${record.table}`.toLowerCase().includes(wanted))
    shown = Math.min(most, found.length)
    const now = Date.now()
    refill(body, ...found.slice(0, shown).map((record) => importRow(context, record, imports, now)))
    table.hidden = found.length === 0
    none.hidden = found.length > 0
    colors.hidden = found.length === 0
    clear.hidden = imports.length === 0
    setText(noneText, imports.length === 0 ? 'Nothing has been imported yet. Drop a CSV anywhere on this page.' : 'No import matches.')
    more.parentElement!.hidden = shown === found.length
    setText(more, `Show ${count(Math.min(ROWS_AT_ONCE, found.length - shown))} more`)
    frame()
  }
  const filter = () => {
    context.setUrl(`${location.pathname}${writeSearch(find.value, status.value)}`, 'replace')
    paint(ROWS_AT_ONCE)
    context.announce(plural(body.rows.length, 'import'))
  }
  const unfilter = () => {
    find.value = ''
    status.value = ALL
    find.focus()
    filter()
  }
  find.addEventListener('input', filter)
  status.addEventListener('change', filter)

  const frame = () => {
    for (const cell of body.querySelectorAll<HTMLElement>('[data-running]')) {
      const job = context.jobs.get(cell.dataset['running'] ?? '')
      if (!job) continue
      setText(cell.querySelector('.status')!, `${lineOf(job.state)}, ${Math.floor(job.state.percent)}%`)
      cell.querySelector('i')?.style.setProperty('--v', String(job.state.percent / 100))
    }
  }

  const key = (color: string, word: string) => el('span', { vars: { '--c': color } }, word)
  const colors = el('div', { class: 'panel__foot key' },
    key('var(--accent)', 'added'), key('var(--accent-line)', 'updated'), key('var(--line-strong)', 'unchanged'), key('var(--warn)', 'rejected'))
  const head = ['No.', 'File and table', 'Result', 'Rows in', 'Rejected', 'Started', 'Status']
  const table = el('table', { 'class': 'list list--imports', 'aria-label': 'All imports' },
    el('thead', {}, el('tr', {},
      ...head.map((word, index) => el('th', { scope: 'col', class: index === 3 || index === 4 ? 'end' : undefined }, word)),
      el('th', { scope: 'col' }, el('span', { class: 'vh' }, 'Actions')))),
    body)
  const content = el('div', {},
    el('div', { class: 'page__head' },
      el('div', {}, el('h1', {}, 'Imports'), el('p', {}, 'Every file that came in, what became of it, and the way back.')),
      el('div', { class: 'page__actions' },
        el('div', { class: 'search' }, icon('search'), find),
        el('span', { class: 'select' }, status, icon('chevron-down')))),
    el('section', { 'class': 'panel', 'aria-label': 'All imports' },
      table,
      none,
      el('div', { class: 'panel__foot', hidden: true }, more),
      colors))
  const show = (search: string) => {
    const wanted = readSearch(search)
    find.value = wanted.q
    status.value = wanted.status
    paint(ROWS_AT_ONCE)
  }
  const follow = runningFollower(context.jobs, context.signal)
  show(context.url.search)
  follow(imports)
  /** Imports that a history, whether it has them or not, was read for. */
  const told = new Set(imports.map(({ sessionId }) => sessionId))
  const begun = () => context.jobs.own().filter(({ id, state: { kind, number } }) => kind === 'import' && number !== undefined && !told.has(id))
  const read = async () => {
    const asked = begun()
    return { asked, now: await api.imports(context.signal) }
  }
  // What is typed and focused stays.
  const reread = rereading(context.signal, read, ({ asked, now }) => {
    imports = now
    for (const { id } of asked) told.add(id)
    paint(Math.max(shown, ROWS_AT_ONCE))
    follow(imports)
  })
  let dueAt = 0
  /** An import of this tab gets its number once the history has it. */
  const noticeBegun = () => {
    const now = Date.now()
    if (now < dueAt || begun().length === 0) return
    dueAt = now + BEGUN_PAUSE_MS
    reread()
  }
  const onFrame = () => {
    frame()
    noticeBegun()
  }
  return { title: 'Imports', className: 'page', content, onFrame, onUrl: (url) => show(url.search), onDataChanged: reread, showsHistory: true }
}

function importRow(context: PageContext, record: ImportRecord, history: readonly ImportRecord[], now: number): HTMLElement {
  const { word, tone, symbol } = statusOf(record)
  const { rowsRead, rowsRejected, rowsInserted, rowsUpdated, rowsUnchanged, filename, table, number, sessionId } = record
  const completed = word === 'Completed'
  const show = () => context.showImport(sessionId)
  const live = word === 'Running'
    ? el('span', { 'class': 'live', 'data-running': sessionId }, el('span', { class: 'status status--live num' }, 'Running'), el('span', { class: 'mini' }, el('i')))
    : el('span', { class: `status status--${tone}` }, icon(symbol), word)
  const hasRejects = rowsRejected > 0 && record.status === 'completed'
  const rejected = hasRejects
    ? el('a', { 'class': 'rej', 'href': api.rejectsUrl(sessionId), 'download': true, 'aria-label': `Download ${count(rowsRejected)} rejected rows of import ${number}` }, count(rowsRejected))
    : rowsRejected > 0 ? el('span', { class: 'rej' }, count(rowsRejected)) : el('span', { class: 'muted' }, '0')
  return el('tr', { class: word === 'Undone' ? 'is-undone' : undefined },
    el('td', { 'class': 'muted num', 'data-m': 'hide' }, `#${number}`),
    el('td', { 'data-m': 'full' },
      el('span', { class: 'route' },
        el('span', { class: 'data truncate', dir: 'auto', title: filename }, filename), icon('arrow-right'), el('span', { class: 'vh' }, ' into '),
        completed
          ? el('a', { class: 'data rowlink truncate', dir: 'auto', href: `/tables/${encodeURIComponent(table)}`, title: table }, table)
          : el('span', { class: 'data truncate muted', dir: 'auto', title: table }, table)),
      el('small', {}, MODES[record.mode])),
    el('td', { 'data-m': 'full' }, completed ? meter(rowsInserted, rowsUpdated, rowsUnchanged, rowsRejected) : null),
    el('td', { 'class': 'end', 'data-label': 'In' }, count(completed ? rowsRead - rowsRejected : 0)),
    el('td', { 'class': 'end', 'data-label': 'Rejected' }, rejected),
    el('td', { class: 'soft nowrap' }, dayTime(record.startedAt, now), record.finishedAt === null ? null : el('small', {}, `took ${duration(record.durationMs)}`)),
    el('td', {}, live, word === 'Failed' ? el('small', { class: 'data' }, record.error?.code ?? '') : null),
    el('td', { 'class': 'end', 'data-m': 'act' },
      el('span', { class: 'acts' },
        completed ? undoButton(context, record, history) : resumeButton(context, record, history),
        el('button', { 'type': 'button', 'class': 'btn btn--sm', 'aria-label': `${ACTIONS[word]} of import ${number}`, 'on': { click: show } }, ACTIONS[word]))))
}

/** The way on for an interrupted import, or where it went on. */
function resumeButton(context: PageContext, { number, sessionId, stagedFile, resumedBy }: ImportRecord, history: readonly ImportRecord[]): HTMLElement | null {
  if (stagedFile) {
    const resume = () => context.resumeImport(sessionId)
    return el('button', { 'type': 'button', 'class': 'btn btn--sm', 'aria-label': `Resume import ${number}`, 'on': { click: resume } }, 'Resume')
  }
  const next = history.find((record) => record.sessionId === resumedBy)
  return next ? el('small', { class: 'muted' }, `Resumed as #${next.number}`) : null
}

/** The way back, or what stands in it. Without undo data there is none, and no button. */
function undoButton(context: PageContext, record: ImportRecord, history: readonly ImportRecord[]): HTMLElement | null {
  const { number, sessionId, undoable } = record
  if (undoable) {
    return el('button', { 'type': 'button', 'class': 'btn btn--sm', 'aria-label': `Undo import ${number}`, 'on': { click: () => context.undoImport(sessionId) } }, 'Undo')
  }
  const blocker = blockedBy(record, history)
  return blocker === undefined ? null : el('small', { class: 'muted' }, `Undo #${blocker} first`)
}

const ACTIONS = { Completed: 'Receipt', Undone: 'Receipt', Failed: 'Details', Cancelled: 'Details', Running: 'Progress' } as const

/** What became of the rows, as shares of a bar. */
function meter(added: number, updated: number, unchanged: number, rejected: number): HTMLElement {
  const share = (name: string, rows: number) => rows > 0 ? el('i', { class: name, vars: { '--v': rows } }) : null
  return el('span', {
    'class': 'meter', 'role': 'img', 'aria-label': `${count(added)} added, ${count(updated)} updated, ${count(unchanged)} unchanged, ${count(rejected)} rejected`,
  }, share('a', added), share('b', updated), share('u', unchanged), share('w', rejected))
}
