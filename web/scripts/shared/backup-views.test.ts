import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BackupInfo, BackupStatus, RestorePreview } from '../../../server/protocol.ts'
import { contentOf, integrityOf, newestVerified, schedulePairs } from './backup-view.ts'
import { explainFailure } from './failures.ts'
import { until } from './format.ts'
import type { OperationKind } from './operation.ts'
import { outcomeView } from './outcome-view.ts'
import { advance, newProgress, type Completion, type ProgressState } from './progress-state.ts'
import { lineOf, runningView } from './progress-view.ts'
import { restoreView } from './restore-view.ts'
import { plain } from './rich.ts'
import { whyNotDatabase } from './sniff.ts'

const LIVE = { mode: 'live' } as const
const NOW = new Date(2026, 10, 23, 10, 40).getTime()
const HOUR = 3_600_000

const backup = (more: Partial<BackupInfo> = {}): BackupInfo => ({
  name: 'hextrackr-2.db', bytes: 1_790_000_000, createdAt: new Date(2026, 10, 23, 2, 0).getTime(), kind: 'scheduled', verified: true, tables: 6, rows: 2_304_369, sha256: 'c2d80b1e99', ...more,
})

const state = (kind: OperationKind, more: Partial<ProgressState> = {}): ProgressState => newProgress(kind, 'id', 'hextrackr-2.db', 0, { heardAt: 10_000, ...more })

function ended(kind: OperationKind, receipt: Completion, backups: BackupInfo[] = []) {
  const outcome = { kind: 'completed', receipt, durationMs: 21_000 } as const
  return outcomeView(state(kind, { stage: 'ended', outcome }), outcome, false, backups, NOW)
}

test('a backup tells how much of it is copied, and that imports go on', () => {
  const view = runningView(state('backup', { phase: 'copy', percent: 41, pagesDone: 262_144, pagesTotal: 450_000, pageBytes: 4096 }), LIVE, 10_000)
  assert.deepEqual([view.kicker, view.percent, view.subline, view.valueText], ['Backup', 41, 'copying the database', 'Step 1 of 3, copying the database: 1.07 of 1.84 GB'])
  assert.deepEqual(view.segments.map(({ label, state }) => [label, state]), [['Copy', 'now'], ['Verify', 'next'], ['Finish', 'next']])
  assert.deepEqual(view.facts.map(({ label, value, hint }) => [label, value, hint])[0], ['Copied', '1.07 GB', 'of 1.84 GB'])
  assert.deepEqual([view.mayMinimise, view.canCancel, view.spark], [true, true, undefined])
})

test('a restore cannot be put aside, and cannot be stopped once it has replaced the database', () => {
  const replacing = runningView(state('restore', { phase: 'restore', percent: 64, safetyCopy: 'before.db' }), LIVE, 10_000)
  assert.deepEqual([replacing.mayMinimise, replacing.canCancel, replacing.stop.label], [false, true, 'Stop and keep the current database'])
  assert.equal(replacing.facts[3]?.value, 'Verified')
  assert.equal(runningView(state('restore', { phase: 'verify', percent: 90 }), LIVE, 10_000).canCancel, false)
  assert.equal(runningView(state('restore', { phase: 'safety', percent: 31 }), LIVE, 10_000).facts[3]?.value, 'Being made')
  assert.equal(runningView(state('restore', { phase: 'restore', percent: 64 }), LIVE, 10_000).facts[3]?.value, 'Being checked')
})

test('what the server has not agreed to yet cannot be stopped, and says nothing of how far it is', () => {
  const view = runningView(state('backup', { stage: 'asked' }), LIVE, 10_000)
  assert.deepEqual([view.canCancel, view.indeterminate, view.percent], [false, true, 0])
})

test('an uploaded backup is sent, then checked', () => {
  const sending = runningView(state('upload', { stage: 'uploading', percent: 35, bytesDone: 5e8, bytesTotal: 1e9 }), LIVE, 10_000)
  assert.deepEqual([sending.headline, sending.valueText], ['0.50 of 1.00 GB', 'Step 1 of 3, uploading: 0.50 of 1.00 GB'])
  assert.equal(lineOf(state('upload', { phase: 'check', percent: 70 })), 'Verifying')
})

test('pages count anew in every step, and the name comes from the server', () => {
  const message = (phase: 'safety' | 'restore', pagesDone: number, progress: number) => ({
    type: 'message', message: { sessionId: 'id', progress, status: 'processing', message: '', timestamp: progress, metadata: { operation: 'restore', name: 'old.db', phase, pagesDone, pagesTotal: 900, pageBytes: 512 } },
  } as const)
  const saved = advance(state('restore', { filename: '' }), message('safety', 800, 45), 1_000)
  assert.deepEqual([saved.filename, saved.pagesDone, saved.pagesTotal, saved.pageBytes], ['old.db', 800, 900, 512])
  assert.equal(advance(saved, message('restore', 10, 49), 2_000).pagesDone, 10)
})

test('a backup that is done tells its size, hash, tables and rows, and can be fetched', () => {
  const view = ended('backup', { name: 'new name.db', bytes: 1_840_000_000, sha256: '9f41c07a12', tables: 7, rows: 2_305_233 })
  assert.deepEqual(view.ledger?.lines.map(({ label, value }) => `${label} ${value}`), ['Tables 7', 'Rows 2,305,233', 'Size 1.84 GB', 'Integrity check Passed'])
  assert.deepEqual([plain(view.heading), plain(view.summary), view.details?.text, view.download, view.restores],
    ['Backup done', 'new name.db, verified, took\u00A021\u00A0s', '9f41c07a12', '/api/backups/new%20name.db', undefined])
  assert.equal(view.announcement, 'Backup done, verified. 7 tables, 2,305,233 rows')
})

test('an uploaded backup restores nothing by itself and offers to', () => {
  const view = ended('upload', { name: 'mine.db', tables: 1, rows: 1 })
  assert.deepEqual([plain(view.heading), view.restores], ['Backup uploaded', { label: 'Restore…', backup: 'mine.db' }])
  assert.match(plain(view.note!), /^Nothing has been restored yet/)
})

test('a restored database tells what was before, and the way back to it', () => {
  const safety = backup({ name: 'before.db', kind: 'pre-restore', tables: 7, rows: 2_326_539 })
  const view = ended('restore', { name: 'hextrackr-2.db', safetyCopy: 'before.db', tables: 6, rows: 2_304_369 }, [backup(), safety])
  assert.equal(plain(view.summary), 'As it was today at 02:00, verified, took\u00A021\u00A0s')
  assert.deepEqual(view.ledger?.lines.map(({ value, was }) => [value, was]), [['6', '7'], ['2,304,369', '2,326,539'], ['Passed', undefined]])
  assert.deepEqual([plain(view.note!), view.restores?.label, view.restores?.backup], ['The database from before is kept as before.db.', 'Go back to before', 'before.db'])
  assert.equal(ended('restore', { safetyCopy: 'before.db', tables: 6 }).ledger?.lines[0]?.was, undefined)
})

test('a restore, a backup and an upload that failed say what is safe and what to do', () => {
  const explain = (kind: OperationKind, code: string) => explainFailure({ code, detail: 'Why.' }, { kind, filename: 'a.db', bytesDone: 0, holdsFile: kind === 'upload' })
  for (const kind of ['backup', 'upload', 'restore'] as const) {
    for (const code of ['SQLITE_BUSY', 'DISK_FULL', 'SQLITE_FULL', 'SQLITE_READONLY', 'SQLITE_CANTOPEN', 'SQLITE_IOERR', 'SQLITE_NOMEM', 'SQLITE_ERROR', 'INTERNAL', 'TOO_MANY_REQUESTS', 'DATABASE_DAMAGED', 'INTERRUPTED']) {
      assert.doesNotMatch(explain(kind, code).title, /failed$/, `${kind} ${code}`)
    }
    assert.match(explain(kind, 'SOMETHING_NEW').title, /^The (backup|upload|restore) failed$/)
  }
  assert.equal(plain(explain('restore', 'DISK_FULL').safe), 'The database is exactly as it was.')
  assert.deepEqual([plain(explain('restore', 'INTERRUPTED').safe), plain(explain('restore', 'INTERRUPTED').advice)], ['The database is exactly as it was.', 'Restore again.'])
  assert.deepEqual([explain('restore', 'IMPORTS_RUNNING').title, explain('restore', 'SQLITE_BUSY').action], ['Imports are running', { label: 'Restore…', symbol: 'rotate-ccw', remedy: 'retry', chooses: false }])
  assert.deepEqual(explain('upload', 'NOT_A_DATABASE').action, { label: 'Choose another file', symbol: 'file-up', remedy: 'other', chooses: true })
  assert.deepEqual(explain('backup', 'DISK_FULL').action, { label: 'Back up again', symbol: 'rotate-ccw', remedy: 'retry', chooses: false })
  assert.equal(explain('restore', 'BACKUP_NOT_FOUND').action.label, 'Show backups')
})

const PREVIEW: RestorePreview = {
  backup: backup(), databaseBytes: 1_840_000_000, importsUndone: 2,
  tables: [{ name: 'assets', rowsNow: 100, rowsAfter: 90 }, { name: 'exceptions', rowsNow: 864, rowsAfter: null }, { name: 'hosts', rowsNow: 5, rowsAfter: 5 }],
  newestImport: { now: { number: 42, filename: 'a.csv', finishedAt: NOW - 8 * 60_000 }, after: { number: 39, filename: 'b.csv', finishedAt: NOW - 17 * HOUR } },
}

test('before a restore everything that changes is told', () => {
  const view = restoreView(PREVIEW, [], NOW)
  assert.equal(view.title, 'Go back to today 02:00?')
  assert.deepEqual(view.lines.map(({ label, now, after, change, isLoss }) => [label, now, after, change, isLoss]), [
    ['Tables', '3', '2', '1 fewer', true], ['Rows', '969', '95', '874 fewer', true], ['Newest import', '#42, today\u00A010:32', '#39, yesterday\u00A017:40', '2 undone', true],
  ])
  assert.deepEqual(view.tables.map(({ label, now, after, change }) => [label, now, after, change]), [['assets', '100', '90', '10 fewer'], ['exceptions', '864', 'gone', 'goes']])
  assert.equal(plain(view.goes), 'Table exceptions and 2 imports are not in this backup. Every value becomes what it was then.')
  assert.match(plain(view.safe), /saved as a safety copy and verified/)
  assert.equal(view.blocked, undefined)
})

test('a table that comes back is no loss', () => {
  const view = restoreView({ ...PREVIEW, importsUndone: 0, tables: [{ name: 'old', rowsNow: null, rowsAfter: 7 }], newestImport: { now: null, after: null } }, [], NOW)
  assert.deepEqual(view.lines.map(({ now, after, change, isLoss }) => [now, after, change, isLoss]), [['0', '1', '1 more', false], ['0', '7', '7 more', false], ['none', 'none', 'none undone', false]])
  assert.deepEqual(view.tables.map(({ now, change }) => [now, change]), [['not there', 'comes back']])
})

test('running imports are named and stand in the way', () => {
  const one = restoreView(PREVIEW, [{ filename: 'scan.csv', table: 'scan' }], NOW).blocked!
  assert.equal(plain(one), 'An import is running. scan.csv into scan has to end, or to be cancelled, before the database can be replaced.')
  const many = restoreView(PREVIEW, Array.from({ length: 7 }, (_, index) => ({ filename: `${index}.csv`, table: 't' })), NOW).blocked!
  assert.equal(plain(many), '7 imports are running. 0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 2 more have to end, or to be cancelled, before the database can be replaced.')
})

test('a backup is verified, or damaged with the reason', () => {
  assert.equal(contentOf(backup({ kind: 'manual', tables: 1, rows: 1 })), 'By hand, 1 table, 1 row')
  assert.equal(contentOf(backup({ kind: 'uploaded', tables: null, rows: null })), 'Uploaded')
  assert.equal(integrityOf(backup()).detail, 'c2d80b1e')
  assert.equal(integrityOf(backup({ verified: false, damage: 'Page 40,211 is unreadable.' })).word, 'Damaged')
  assert.equal(integrityOf(backup({ verified: false })).word, 'Not checked')
  assert.equal(newestVerified([backup({ name: 'a', createdAt: 1 }), backup({ name: 'b', createdAt: 3, verified: false }), backup({ name: 'c', createdAt: 2 })])?.name, 'c')
})

test('the schedule is told in words where it is simple, and as it stands where it is not', () => {
  const retention: BackupStatus['retention'] = [{ kind: 'scheduled', count: 14, days: 90 }, { kind: 'manual', count: null, days: null }, { kind: 'pre-restore', count: null, days: 7 }]
  const pairs = (cron: string) => schedulePairs({ schedule: { cron, nextAt: NOW + 15 * HOUR + 20 * 60_000 }, retention }, NOW).map(({ label, value }) => `${label}: ${value}`)
  assert.deepEqual(pairs('0 2 * * *'), ['Every day: 02:00, server time', 'Next: tomorrow 02:00, in 15 h 20 min', 'Scheduled, kept: the newest 14, for\u00A090\u00A0days', 'By hand, kept: all', 'Safety copy, kept: for\u00A07\u00A0days'])
  assert.deepEqual(['30 4 * * 0', '30 4 * * 7', '5 23 * * 3'].map((cron) => pairs(cron)[0]), ['Every Sunday: 04:30, server time', 'Every Sunday: 04:30, server time', 'Every Wednesday: 23:05, server time'])
  for (const cron of ['*/30 8-18 * * 1-5', '0 0 2 * * *', '0 2 1 * *']) assert.equal(pairs(cron)[0], `Schedule: ${cron}`)
  assert.equal(schedulePairs({ retention }, NOW).length, 3)
})

test('how long until then is told as roughly as it matters', () => {
  assert.deepEqual([10_000, 20 * 60_000, HOUR, 30 * HOUR, 72 * HOUR].map((ms) => until(NOW + ms, NOW)), ['in less than a minute', 'in 20 min', 'in 1 h', 'in 30 h', 'in 3 days'])
})

test('a file that cannot be a backup is told before it is sent', async () => {
  const file = (content: BlobPart) => new File([content], 'a.db')
  assert.equal(await whyNotDatabase(file('SQLite format 3\0\x10\0')), undefined)
  assert.match(await whyNotDatabase(file(new Uint8Array([0x50, 0x4B, 3, 4, 9]))) ?? '', /^It is a ZIP archive\. Unpack it/)
  assert.match(await whyNotDatabase(file(new Uint8Array([0x89, 0x50, 0x4E, 0x47]))) ?? '', /^It is a PNG image\./)
  assert.match(await whyNotDatabase(file('a,b\n1,2\n')) ?? '', /^It is a text file\./)
  assert.equal(await whyNotDatabase(file('')), 'It is empty.')
})
