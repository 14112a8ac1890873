/** Backups: whole copies of the database, what keeps them coming, and what they take. */
import type { BackupInfo, BackupStatus } from '../../../server/protocol.ts'
import { api, ApiError } from '../shared/api.ts'
import { contentOf, integrityOf, schedulePairs, type Pair } from '../shared/backup-view.ts'
import { el, icon, refill, setText } from '../shared/dom.ts'
import { bytes, bytesTogether, dayTime } from '../shared/format.ts'
import type { MakePage, PageContext } from '../shared/page.ts'
import { rereading } from '../shared/reread.ts'
import { say } from '../shared/rich.ts'
import { refusedBox, showRefused } from './refused.ts'

export const backupsPage: MakePage = async (context) => {
  const read = () => Promise.all([api.backups(context.signal), api.backupStatus(context.signal)])
  const refused = refusedBox()
  const list = backupList(context)
  const schedule = schedulePanel()
  const space = spacePanel()
  const update = ([nowBackups, nowStatus]: [BackupInfo[], BackupStatus]) => {
    list.update(nowBackups)
    schedule.update(nowStatus)
    space.update(nowStatus)
  }
  update(await read())
  const content = el('div', {},
    el('div', { class: 'page__head' },
      el('div', {}, el('h1', {}, 'Backups'), el('p', {}, 'Whole copies of the database. Each one is opened and checked after it is written.')),
      el('div', { class: 'page__actions' },
        el('button', { type: 'button', class: 'btn', on: { click: () => context.chooseBackup() } }, icon('upload'), 'Upload a backup…'),
        el('button', { type: 'button', class: 'btn btn--primary', on: { click: () => context.backUp() } }, 'Back up now'))),
    refused,
    el('div', { class: 'cols' }, list.element, el('div', { class: 'stack' }, schedule.element, space.element)))
  return {
    title: 'Backups', className: 'page', content, hasOwnMainAction: true, dropWords: 'Let go to upload the backup, or to preview a CSV',
    onRefused: (messages) => showRefused(refused, messages),
    // What is focused stays.
    onDataChanged: rereading(context.signal, read, update),
    showsHistory: true,
  }
}

interface Panel<Value> {
  element: HTMLElement
  update: (value: Value) => void
}

function backupList(context: PageContext): Panel<BackupInfo[]> {
  const body = el('tbody')
  const none = el('div', { class: 'panel__none none', hidden: true },
    icon('shield-check', 'lg'),
    el('h2', {}, 'No backup yet'),
    el('p', { class: 'soft' }, 'A backup is made while imports and readers go on. It is verified before it counts, and can be downloaded as one file.'),
    el('p', { class: 'soft d-only' }, 'If you have one on this computer, drop it anywhere on this page.'))
  const head = (word: string, end = false) => el('th', { scope: 'col', class: end ? 'end' : undefined }, word)
  const table = el('table', { 'class': 'list list--backups', 'aria-label': 'All backups' },
    el('thead', {}, el('tr', {},
      head('Backup'), head('Size', true), head('Made'), head('Integrity'), el('th', { scope: 'col' }, el('span', { class: 'vh' }, 'Actions')))),
    body)
  return {
    element: el('section', { 'class': 'panel', 'aria-label': 'All backups' }, table, none),
    update: (backups) => {
      const now = Date.now()
      table.hidden = backups.length === 0
      none.hidden = backups.length > 0
      refill(body, ...backups.map((backup, index) => backupRow(context, backup, `integrity-${index}`, now)))
    },
  }
}

function backupRow(context: PageContext, backup: BackupInfo, integrityId: string, now: number): HTMLElement {
  const { name, createdAt } = backup
  const { word, tone, symbol, detail } = integrityOf(backup)
  const isDamaged = word === 'Damaged'
  const restore = el('button', {
    'type': 'button', 'class': 'btn btn--sm', 'aria-label': `Restore ${name}…`, 'on': { click: () => isDamaged || context.restoreBackup(name) },
    ...(isDamaged && { 'aria-disabled': 'true', 'aria-describedby': integrityId }),
  }, 'Restore…')
  return el('tr', {},
    el('td', {}, el('span', { class: 'data truncate', dir: 'auto', title: name }, name), el('small', {}, contentOf(backup))),
    el('td', { class: 'end nowrap' }, bytes(backup.bytes)),
    el('td', { class: 'soft nowrap' }, el('time', { datetime: new Date(createdAt).toISOString() }, dayTime(createdAt, now))),
    el('td', { id: integrityId }, el('span', { class: `status status--${tone}` }, icon(symbol), word), el('small', { class: backup.verified ? 'data' : undefined }, detail)),
    el('td', { class: 'end' }, el('span', { class: 'acts' },
      el('a', { 'class': 'btn btn--quiet btn--sm btn--icon', 'href': api.backupUrl(name), 'download': true, 'aria-label': `Download ${name}` }, icon('download')),
      el('button', { 'type': 'button', 'class': 'btn btn--quiet btn--sm btn--icon', 'aria-label': `Delete ${name}`, 'on': { click: () => void remove(context, backup) } }, icon('trash-2')),
      restore)))
}

async function remove(context: PageContext, { name, bytes: size, kind }: BackupInfo): Promise<void> {
  const yes = await context.confirm({
    title: say`Delete ${name}?`, no: 'Keep the backup', yes: 'Delete backup',
    text: `${bytes(size)} are freed. ${kind === 'pre-restore' ? 'Without this safety copy there is no way back to before its restore.' : 'What only this backup holds cannot be restored any more.'} Download it first if you may want it back.`,
  })
  if (!yes) return
  try {
    await api.deleteBackup(name)
    context.toast({ tone: 'info', title: 'Deleted', data: name })
  } catch (error) {
    context.toast({ tone: 'bad', title: 'The backup was not deleted', text: error instanceof ApiError ? error.message : 'It could not be deleted.' })
  }
  context.dataChanged()
}

const pair = ({ label, value, isData = false }: Pair): HTMLElement => el('div', {}, el('dt', {}, label), el('dd', { class: isData ? 'data' : 'num' }, value))

function schedulePanel(): Panel<BackupStatus> {
  const none = el('p', { class: 'small soft' },
    'No backup is made by itself. Whoever runs this server sets ', el('code', { class: 'data' }, 'BACKUP_SCHEDULE'), ', for example to ', el('code', { class: 'data nowrap' }, '0 2 * * *'),
    ' for every night at two, and restarts it.')
  const pairs = el('dl', { class: 'pairs' })
  return {
    element: el('section', { 'class': 'panel', 'aria-labelledby': 'h-schedule' },
      el('div', { class: 'panel__head' }, el('h2', { id: 'h-schedule' }, 'Schedule')),
      el('div', { class: 'panel__body schedule' }, none, pairs)),
    update: (status) => {
      none.hidden = status.schedule !== undefined
      pairs.replaceChildren(...schedulePairs(status, Date.now()).map(pair))
    },
  }
}

function spacePanel(): Panel<BackupStatus> {
  const used = el('span', { class: 'num soft small' })
  const meter = el('div', { class: 'meter', role: 'img' })
  const legend = el('dl', { class: 'legend' })
  return {
    element: el('section', { 'class': 'panel', 'aria-labelledby': 'h-space' },
      el('div', { class: 'panel__head' }, el('h2', { id: 'h-space' }, 'Space'), used),
      el('div', { class: 'panel__body storage' }, meter, legend)),
    update: ({ backupBytes, databaseBytes, freeBytes }) => {
      setText(used, `${bytesTogether(backupBytes, databaseBytes)} used`)
      meter.setAttribute('aria-label', `${bytes(backupBytes)} backups, ${bytes(databaseBytes)} database, ${bytes(freeBytes)} free`)
      const shares = [['a', backupBytes, 'Backups'], ['b', databaseBytes, 'Database'], ['free', freeBytes, 'Free on this disk']] as const
      meter.replaceChildren(...shares.filter(([, size]) => size > 0).map(([name, size]) => el('i', { class: name, vars: { '--v': size } })))
      legend.replaceChildren(...shares.map(([name, size, label]) => el('div', {}, el('dt', { class: name }, label), el('dd', {}, bytes(size)))))
    },
  }
}
