import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULTS, type FaultCode } from '../../../server/faults.ts'
import type { KeptFile } from '../../../server/protocol.ts'
import { explainFailure, EXPLANATIONS } from './failures.ts'
import { longNames, outcomeView } from './outcome-view.ts'
import { newProgress, type ProgressState } from './progress-state.ts'
import { runningView } from './progress-view.ts'
import { cancelledLedger, receiptLedger } from './receipt.ts'
import { plain, say } from './rich.ts'
import { isBinary, whyNotText } from './sniff.ts'
import { curve, measure, NO_SPEED } from './speed.ts'

const state = (more: Partial<ProgressState> = {}): ProgressState => newProgress('import', 'id', 'scan.csv', 0, { number: 42, table: 'scan', heardAt: 10_000, ...more })
const LIVE = { mode: 'live' } as const

test('importing: percent, time left, rows and what is safe', () => {
  const view = runningView(state({ phase: 'import', percent: 67.4, rowsDone: 812_400, rowsTotal: 1_284_003, eta: { seconds: 48, at: 0 } }), LIVE, 11_000)
  assert.deepEqual([view.kicker, view.percent, view.headline, view.subline, view.stamp.text],
    ['Import #42', 67, 'About 50 s left', 'importing rows', 'Live, updated just now'])
  assert.equal(view.valueText, 'Step 3 of 4, importing: 812,400 of 1,284,003 rows')
  assert.deepEqual(view.segments.map((segment) => segment.state), ['done', 'done', 'now', 'next'])
  assert.equal(plain(view.notice.text), 'Nothing changes in scan until Finish. You can cancel until then.')
})

test('analysing is indeterminate only while nothing is known', () => {
  assert.equal(runningView(state({ phase: 'analyse', percent: 18 }), LIVE, 10_000).indeterminate, true)
  assert.equal(runningView(state({ phase: 'analyse', percent: 20 }), LIVE, 10_000).indeterminate, false)
})

test('a lost connection holds the figures and says from when they are', () => {
  const running = state({ phase: 'import', percent: 67, rowsDone: 5 })
  const view = runningView(running, { mode: 'reconnecting', attempt: 3, retryAt: 26_000, since: 12_000 }, 22_000)
  assert.deepEqual([view.percent, view.tone, view.headline, view.subline, view.canCancel, view.offersTry],
    [67, 'held', 'Time left unknown', 'trying again in 4 s, attempt 3', false, true])
  assert.equal(view.stamp.text, 'Last update 12 s ago')
  assert.match(plain(view.notice.text), /^Connection lost, reconnecting\. The import runs on the server and is not affected\. The numbers above are from 12\u00A0s\u00A0ago\.$/)
})

test('polling says so, and says when it gets no answer either', () => {
  const running = state({ phase: 'import', percent: 67 })
  const polling = runningView(running, { mode: 'polling' }, 12_000)
  assert.deepEqual([polling.stamp.text, polling.canCancel, polling.notice.tryLive], ['Checked 2 s ago', true, true])
  assert.match(plain(polling.notice.text), /Checking every 2 seconds/)
  assert.match(plain(runningView(running, { mode: 'polling' }, 30_000).notice.text), /^The server is not answering\./)
})

test('an upload does not depend on the socket', () => {
  const sending = state({ stage: 'uploading', percent: 11, bytesDone: 198_600_000, bytesTotal: 312_400_000, speed: { ...NO_SPEED, now: 41_200_000, peak: 41_200_000 } })
  const view = runningView(sending, { mode: 'polling' }, 10_500)
  assert.deepEqual([view.headline, view.subline, view.tone], ['198.6 of 312.4 MB', 'upload done in about 3 s', 'live'])
})

test('waiting, stopping and silence have their own words', () => {
  assert.deepEqual(runningView(state({ queuePosition: 1, percent: 33, phase: 'analyse' }), LIVE, 10_000).headline, 'Waiting its turn')
  assert.equal(runningView(state({ queuePosition: 1, percent: 33, phase: 'analyse' }), LIVE, 10_000).subline, '1 import ahead')
  assert.equal(runningView(state({ stage: 'held' }), LIVE, 10_000).headline, 'Waiting to upload')
  assert.equal(runningView(state({ stopping: true, phase: 'import', percent: 50 }), LIVE, 10_000).headline, 'Stopping')
  assert.equal(runningView(state({ phase: 'import', percent: 50 }), LIVE, 14_000).stamp.text, 'Last update 4 s ago')
})

test('a receipt adds up or says by how much it does not', () => {
  const good = receiptLedger({ rowsRead: 10, rowsInserted: 9, rowsRejected: 1 }, 'create')
  assert.deepEqual(good.lines.map(({ label, value }) => `${label} ${value}`), ['Added 9', 'Rejected 1'])
  assert.deepEqual(good.total?.check, { adds: true, text: 'adds up' })
  const off = receiptLedger({ rowsRead: 1_000, rowsInserted: 990, rowsRejected: 1 }, 'create')
  assert.deepEqual(off.total?.check, { adds: false, text: '9 rows not accounted for. Keep this receipt and report it.' })
  assert.equal(receiptLedger({ rowsRead: 3, rowsUnchanged: 3 }, 'upsert').lines.length, 4)
})

test('a cancelled import accounts for its rows where their number is known', () => {
  assert.equal(cancelledLedger({ rowsDone: 5, rowsTotal: undefined }).total, undefined)
  assert.deepEqual(cancelledLedger({ rowsDone: 5, rowsTotal: 8 }).lines.map(({ value }) => value), ['0', '5', '3'])
})

test('a completed import names its table, its time and its rate', () => {
  const receipt = { rowsRead: 5, rowsInserted: 5, table: 'scan', rowsPerSecond: 1_200, notices: ['One column was renamed.'] }
  const outcome = { kind: 'completed', receipt, durationMs: 900 } as const
  const view = outcomeView(state({ stage: 'ended', outcome }), outcome, true)
  assert.deepEqual([plain(view.heading), plain(view.summary), view.tone], ['Created scan', 'scan.csv, 0.9\u00A0s, 1,200\u00A0rows/s while\u00A0importing', 'ok'])
  assert.equal(view.announcement, 'Created scan. 5 rows in, 0 rejected.')
})

test('nobody is told that another tab uploads a file that has left this one', () => {
  const note = (bytesDone: number) => plain(runningView(state({ phase: 'upload', bytesDone, bytesTotal: 100 }), LIVE, 10_000).notice.text)
  assert.equal(note(99), 'Another tab is uploading this file. You may close this one.')
  assert.equal(note(100), 'You may close this tab. The server works on its own from here.')
})

test('a failure says what happened, what is safe and what to do', () => {
  const context = { kind: 'import', filename: 'scan.csv', table: 'scan', bytesDone: 5_000_000, bytesTotal: 20_000_000, holdsFile: true } as const
  const busy = explainFailure({ code: 'SQLITE_BUSY', detail: 'Another program held a lock.' }, { ...context, mode: 'append' })
  assert.deepEqual([busy.title, plain(busy.happened), plain(busy.safe), busy.action.label],
    ['The database was busy', 'Another program held a lock.', 'scan is exactly as it was.', 'Retry import'])
  const lost = explainFailure({ code: 'UPLOAD_LOST', detail: '' }, { ...context, holdsFile: false })
  assert.match(plain(lost.happened), /^5\.0 of 20\.0 MB arrived/)
  assert.deepEqual([lost.action.label, lost.action.chooses], ['Choose the file again', true])
  const strange = explainFailure({ code: 'SOMETHING_NEW', detail: 'New.' }, context)
  assert.deepEqual([strange.title, plain(strange.happened)], ['The import failed', 'New.'])
})

test('a failure that other settings may avoid leads back to them', () => {
  const context = { kind: 'import', filename: 'scan.csv', table: 'scan', mode: 'upsert', bytesDone: 5, bytesTotal: 5, holdsFile: true } as const
  for (const code of ['KEY_REQUIRED', 'KEY_NOT_UNIQUE', 'COLUMN_MISMATCH', 'TABLE_EXISTS', 'TABLE_NOT_FOUND', 'ROW_INVALID', 'SQLITE_CONSTRAINT', 'UNDECODABLE']) {
    const { title, action } = explainFailure({ code, detail: 'Why.' }, context)
    assert.notEqual(title, 'The import failed', code)
    assert.deepEqual([action.label, action.chooses], ['Back to options', false], code)
  }
  assert.equal(explainFailure({ code: 'ROW_INVALID', detail: '' }, { ...context, holdsFile: false }).action.label, 'Choose the file again')
  const advice = (code: string) => plain(explainFailure({ code, detail: '' }, context).advice)
  assert.equal(advice('ROW_INVALID'), 'Correct the line named above in the file, or choose in the options that rows that do not fit are rejected.')
  assert.doesNotMatch(advice('SQLITE_CONSTRAINT'), /line/, 'SQLite names the rule, but no line')
})

test('rejected rows can be fetched from the line that counts them', () => {
  const line = (rowsRejected: number) => receiptLedger({ rowsRead: 5, rowsInserted: 5 - rowsRejected, rowsRejected }, 'append', '/rejects').lines.at(-1)
  assert.deepEqual(line(2)?.link, { label: 'Download with reasons', href: '/rejects' })
  assert.equal(line(0)?.link, undefined)
})

test('file words keep their own voice', () => {
  assert.deepEqual(say`Created ${'<b>x</b>'}.`, ['Created ', { data: '<b>x</b>' }, '.'])
})

test('text in any usual encoding passes, everything else does not', async () => {
  const utf16 = (text: string, mark: number[]) => new Uint8Array([...mark, ...Buffer.from(text, 'utf16le')])
  assert.equal(isBinary(utf16('a,b\n1,2\n', [0xFF, 0xFE])), false)
  assert.equal(isBinary(utf16('a,b\n1,2\n', [])), false)
  assert.equal(isBinary(new TextEncoder().encode('a;b\n1;Zürich\n')), false)
  assert.equal(isBinary(new Uint8Array([0x50, 0x4B, 3, 4, 9])), true)
  assert.equal(isBinary(new TextEncoder().encode('SQLite format 3\0\x10\0\x01\x01')), true)
  assert.equal(await whyNotText(new File([], 'a.csv')), 'empty')
  assert.equal(await whyNotText(new File(['a,b'], 'a.csv')), undefined)
  assert.equal(await whyNotText(new File(['%PDF-1.7'], 'a.csv')), 'binary')
  assert.equal(await whyNotText(new File(['SQLite format 3\0'], 'a.csv')), 'database')
})

test('a speed curve keeps a bounded number of points, and one alone is seen', () => {
  let speed = NO_SPEED
  for (let step = 0; step <= 1_000; step++) speed = measure(speed, { at: step * 100, amount: step, x: step / 1_000, rate: 100 + step % 7 })
  assert.ok(speed.points.length <= 121)
  assert.equal(speed.peak, 106)
  assert.match(curve(speed, 552, 56).line, /^M0\.0 /)
  assert.deepEqual(curve(NO_SPEED, 120, 10), { line: '', area: '' })
  assert.deepEqual(curve(measure(NO_SPEED, { at: 0, amount: 0, x: 0.5, rate: 5 }), 120, 10), { line: 'M58.0 1.0 L60.0 1.0', area: 'M58.0 1.0 L60.0 1.0 L60.0 10 L58.0 10 Z' })
})

/** What no import can end with: what other requests are answered with, what only scripts meet, and what is no failure. */
const NO_END_OF_AN_IMPORT: FaultCode[] = [
  'BAD_QUERY', 'BAD_BODY', 'BAD_SQL', 'BAD_RANGE', 'READ_ONLY', 'READ_ONLY_TOKEN', 'SESSION_REQUIRED', 'NOT_FOUND', 'NO_REJECTS', 'BACKUP_NOT_FOUND',
  'EXPORT_NOT_FOUND', 'TOKEN_NOT_FOUND', 'SESSION_NOT_FOUND', 'ALREADY_FINISHED', 'NOT_UNDOABLE', 'NOT_RESUMABLE', 'IMPORTS_RUNNING', 'BACKUP_RUNNING', 'PASSWORD_NOT_SET', 'CANCELLED', 'BODY_TOO_LARGE',
  'NOT_A_DATABASE', 'DATABASE_DAMAGED', 'DATABASE_TOO_NEW', 'QUERY_TIMEOUT', 'QUERY_TOO_LARGE', 'TOO_MANY_SOCKETS', 'TOO_MANY_QUERIES',
]

test('every code that can end an import has words of its own', () => {
  const codes = (Object.keys(FAULTS) as FaultCode[]).filter((code) => !NO_END_OF_AN_IMPORT.includes(code))
  assert.deepEqual(codes.filter((code) => !(code in EXPLANATIONS.import)), [])
  for (const code of codes) {
    const { title, happened, advice, action } = explainFailure({ code, detail: 'The detail.' }, { kind: 'import', filename: 'a.csv', bytesDone: 0, holdsFile: true })
    assert.notEqual(title, 'The import failed', code)
    assert.ok(plain(happened) !== '' && plain(advice) !== '' && action.label !== '', code)
  }
})

test('an interrupted import is resumed while the server keeps its file, whether or not this tab holds it', () => {
  const error = { code: 'INTERRUPTED', detail: 'The server stopped during this import. It changed nothing.' }
  for (const holdsFile of [true, false]) {
    const { action, advice } = explainFailure(error, { kind: 'import', filename: 'a.csv', bytesDone: 0, holdsFile, stagedFile: { bytes: 10, until: 0 } })
    assert.deepEqual([action, plain(advice).includes('choose it again')], [{ label: 'Resume import', symbol: 'play', remedy: 'resume', chooses: false }, false])
  }
  const without = (holdsFile: boolean) => explainFailure(error, { kind: 'import', filename: 'a.csv', bytesDone: 0, holdsFile }).action.label
  assert.deepEqual([without(false), without(true)], ['Choose the file again', 'Upload again'])
})

test('a resumed import that fails because of the server is told as that, and begun anew from the file that is kept', () => {
  const context = { kind: 'import', filename: 'a.csv', bytesDone: 0, holdsFile: false, stagedFile: { bytes: 10, until: 0 } } as const
  const { title, advice, action } = explainFailure({ code: 'SQLITE_BUSY', detail: 'Another program held a lock.' }, context)
  assert.equal(title, 'The database was busy')
  assert.equal(plain(advice), 'Retry. If it repeats, close other programs that have the database open. The server still has the whole file, so nothing has to be sent again.')
  assert.deepEqual(action, { label: 'Retry import', symbol: 'play', remedy: 'resume', chooses: false })
  assert.equal(explainFailure({ code: 'SQLITE_CORRUPT', detail: '' }, context).action.label, 'Show backups')
})

test('an interrupted import says how long the server keeps its file, and nothing of one that is not kept', () => {
  const now = Date.UTC(2026, 10, 27, 12)
  const outcome = { kind: 'failed', error: { code: 'INTERRUPTED', detail: 'The server stopped.' } } as const
  const view = (stagedFile?: KeptFile) => outcomeView(state({ stage: 'ended', outcome, stagedFile }), outcome, false, [], now)
  assert.match(plain(view({ bytes: 24_100_000, until: now + 1 }).keptFile!), /^The server keeps the file, 24\.1\u00A0MB, until today\u00A0\d\d:\d\d\.$/)
  assert.equal(view().keptFile, undefined)
})

test('a damaged database leads to the backups, whether or not this tab holds the file', () => {
  for (const kind of ['import', 'backup', 'upload', 'restore'] as const) {
    for (const holdsFile of [true, false]) {
      const { action, advice } = explainFailure({ code: 'SQLITE_CORRUPT', detail: '' }, { kind, filename: 'a', bytesDone: 0, holdsFile })
      assert.deepEqual([action.label, action.chooses, plain(advice).includes('choose it again')], ['Show backups', false, false], kind)
    }
  }
})

test('a name that heading or summary has no room for is told whole below', () => {
  const long = `${'a'.repeat(60)}-2026-w47-final`
  assert.deepEqual(longNames({ heading: ['Created ', { data: long }], summary: [{ data: `${long}.csv` }, ', 1.2 s'] }, 'import'),
    [{ label: 'File', name: `${long}.csv` }, { label: 'Table', name: long }])
  assert.deepEqual(longNames({ heading: ['Database restored'], summary: [{ data: `${long}.db` }] }, 'restore'), [{ label: 'Backup', name: `${long}.db` }])
  assert.deepEqual(longNames({ heading: ['Created ', { data: 'scan' }], summary: [{ data: 'scan.csv' }] }, 'import'), [])
})
