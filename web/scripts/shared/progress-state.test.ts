import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ImportMetadata, ImportRecord, ProgressComplete, ProgressFailure, ProgressUpdate } from '../../../server/protocol.ts'
import { stepFraction } from './operation.ts'
import { advance, fractionOf, isAllSent, newProgress, progressOfRecord, type ProgressEvent, type ProgressMessage, type ProgressState } from './progress-state.ts'

const ID = '3b241101-e2bb-4255-8caf-4136c566a962'

function update(progress: number, metadata: Partial<ImportMetadata> = {}, timestamp = progress): ProgressUpdate {
  return { sessionId: ID, progress, message: '', status: 'processing', timestamp, metadata: { operation: 'csv-import', ...metadata } }
}
const complete = (metadata: Partial<ImportMetadata> = {}): ProgressComplete =>
  ({ ...update(100, metadata), progress: 100, status: 'completed', duration: 1_200 })
const failure = (code: string, progress = 40): ProgressFailure => ({ ...update(progress), status: 'error', error: { code, detail: 'Because.' } })

const message = (value: ProgressMessage): ProgressEvent => ({ type: 'message', message: value })
const run = (events: ProgressEvent[], state: ProgressState = newProgress('import', ID, 'a.csv', 0)): ProgressState =>
  events.reduce((now, event, index) => advance(now, event, (index + 1) * 1_000), state)

test('an upload fills the first 18 percent and no more', () => {
  assert.equal(run([{ type: 'upload', loaded: 50, total: 100 }]).percent, 9)
  assert.equal(run([{ type: 'upload', loaded: 120, total: 100 }]).percent, 18)
  assert.equal(run([{ type: 'upload', loaded: 0, total: 0 }]).percent, 0)
})

test('the shown percentage never falls, in whatever order messages come', () => {
  const state = run([message(update(50, { phase: 'import' }, 5)), message(update(30, { phase: 'analyse' }, 3)), message(update(40, { phase: 'import' }, 6))])
  assert.equal(state.percent, 50)
  assert.equal(state.phase, 'import')
})

test('an older message of the same phase does not take figures back', () => {
  const state = run([message(update(50, { phase: 'import', rowsDone: 900 }, 5)), message(update(48, { phase: 'import', rowsDone: 700 }, 4))])
  assert.equal(state.rowsDone, 900)
})

test('the bar holds at 99 until the server reports the commit', () => {
  const waiting = run([message(update(100, { phase: 'finish' }))])
  assert.equal(waiting.percent, 99)
  assert.equal(advance(waiting, message(complete()), 9_000).percent, 100)
})

test('nothing that comes after the end changes anything', () => {
  const done = run([message(complete({ rowsRead: 3, table: 'a' }))])
  for (const late of [message(update(70)), message(failure('SQLITE_BUSY')), { type: 'gone' }, { type: 'upload', loaded: 1, total: 2 }] as ProgressEvent[]) {
    assert.equal(advance(done, late, 99_000), done)
  }
  assert.equal(done.outcome?.kind === 'completed' && done.outcome.receipt.rowsRead, 3)
  assert.equal(done.outcome?.kind === 'completed' && done.outcome.durationMs, 1_200)
})

test('a cancelled import is not a failed one', () => {
  assert.equal(run([message(failure('CANCELLED'))]).outcome?.kind, 'cancelled')
  assert.equal(run([message(failure('SQLITE_BUSY'))]).outcome?.kind, 'failed')
  assert.equal(run([{ type: 'failed', error: { code: 'NOT_CSV', detail: '' } }]).outcome?.kind, 'failed')
  assert.equal(run([{ type: 'gone' }]).outcome?.kind, 'gone')
})

test('the uploading tab trusts its own byte count over the server\'s', () => {
  const state = run([{ type: 'upload', loaded: 80, total: 100 }, message(update(5, { phase: 'upload', bytesDone: 28, number: 7 }))])
  assert.deepEqual([state.bytesDone, state.stage, state.number], [80, 'uploading', 7])
  assert.equal(advance(state, message(update(20, { phase: 'analyse' })), 5_000).stage, 'running')
})

test('once the server has the whole file, what it said of the upload before does not take it back', () => {
  const state = run([{ type: 'upload', loaded: 100, total: 100 }, { type: 'accepted' }, message(update(9, { phase: 'upload', bytesDone: 50, bytesTotal: 140 }))])
  assert.deepEqual([state.bytesDone, state.bytesTotal, state.percent, state.stage], [100, 100, 18, 'running'])
  assert.equal(run([{ type: 'upload', loaded: 40, total: 100 }, { type: 'accepted' }]).bytesDone, 100)
  assert.equal(advance(state, message(update(19, { phase: 'analyse', bytesDone: 3 })), 9_000).bytesDone, 3)
})

test('rows that are brought in while the file arrives have the say, and the upload goes on', () => {
  const early = message(update(20, { phase: 'import', rowsDone: 500, bytesDone: 20, bytesReceived: 40, bytesTotal: 100 }))
  const state = run([{ type: 'upload', loaded: 40, total: 100 }, early, { type: 'upload', loaded: 60, total: 100 }])
  assert.deepEqual([state.stage, state.phase, state.percent, state.rowsDone, state.bytesDone], ['uploading', 'import', 20, 500, 20])
  assert.deepEqual([0, 1, 2, 3].map((step) => fractionOf(state, step)), [0.4, 1, 0.2, 0])
  const accepted = advance(state, { type: 'accepted' }, 8_000)
  const late = advance(accepted, message(update(22, { phase: 'import', rowsDone: 600, bytesDone: 24, bytesReceived: 70, bytesTotal: 103 })), 8_500)
  assert.deepEqual([late.stage, late.bytesDone, isAllSent(accepted), isAllSent(late)], ['running', 24, true, true])
  const whole = advance(state, message(update(50, { phase: 'import', rowsDone: 800, bytesDone: 32, bytesTotal: 100 })), 9_000)
  assert.deepEqual([whole.stage, fractionOf(whole, 0), fractionOf(whole, 2)], ['running', 1, stepFraction('import', 2, 50)])
})

test('the pace of an upload is no measure of what comes after it', () => {
  const sent = run([1, 2, 3, 4, 5].map((loaded) => ({ type: 'upload', loaded: loaded * 20, total: 100 })))
  assert.ok(sent.eta!.seconds > 10)
  const analysing = advance(sent, message(update(19, { phase: 'analyse' }, 1)), 6_000)
  assert.equal(analysing.eta, undefined)
  const importing = advance(analysing, message(update(34, { phase: 'import', etaSeconds: 4 }, 2)), 7_000)
  assert.equal(importing.eta?.seconds, 4)
  // Nor does how fast rows were read say anything of how fast they are merged.
  assert.equal(advance(importing, message(update(90, { phase: 'merge' }, 3)), 11_000).eta, undefined)
})

test('no time left is told while rows are merged, however long and steadily that goes', () => {
  const merge = [88, 90, 92, 94, 96].map((percent) => message(update(percent, { phase: 'merge' })))
  assert.equal(run([message(update(80, { phase: 'import', etaSeconds: 4 })), ...merge]).eta, undefined)
})

test('no step of a backup or restore passes its pace on to the next', () => {
  const say = (phase: string, progress: number, etaSeconds?: number): ProgressEvent =>
    message({ ...update(progress), metadata: { operation: 'restore', phase, ...etaSeconds !== undefined && { etaSeconds } } })
  const copied = run([say('safety', 20, 9), say('safety', 40, 6)], newProgress('restore', ID, 'a.db', 0))
  assert.equal(copied.eta?.seconds, 6)
  assert.equal(advance(copied, say('restore', 60), 4_000).eta, undefined)
})

test('a queue position is there only while the import waits', () => {
  const waiting = run([message(update(33, { phase: 'analyse', queuePosition: 0 }))])
  assert.equal(waiting.queuePosition, 0)
  assert.equal(advance(waiting, message(update(34, { phase: 'import' })), 5_000).queuePosition, undefined)
})

test('merge is drawn in the last segment', () => {
  assert.equal(stepFraction('import', 3, 93.5), 0.5)
  assert.equal(stepFraction('import', 2, 93.5), 1)
  assert.equal(run([message(update(90, { phase: 'merge' }))]).phase, 'merge')
})

test('speed comes from the server where it measures, and starts anew with each phase', () => {
  const state = run([
    message(update(20, { phase: 'analyse', bytesDone: 1_000 }, 1)), message(update(25, { phase: 'analyse', bytesDone: 3_000 }, 2)),
    message(update(40, { phase: 'import', rowsDone: 10, rowsPerSecond: 500 }, 3)), message(update(50, { phase: 'import', rowsDone: 20, rowsPerSecond: 400 }, 4)),
  ])
  assert.deepEqual([state.speed.now, state.speed.peak, state.speed.points.length], [400, 500, 2])
})

test('an import of the history is the same kind of state', () => {
  const record: ImportRecord = {
    sessionId: ID, number: 3, filename: 'a.csv', table: 'a', mode: 'create', status: 'completed', rowsRead: 2, rowsInserted: 2, rowsUpdated: 0,
    rowsUnchanged: 0, rowsRejected: 0, startedAt: 1_000, finishedAt: 3_000, durationMs: 2_000, rowsPerSecond: 10, undoable: false,
  }
  const done = progressOfRecord(record, 9_000)
  assert.deepEqual([done.stage, done.percent, done.outcome?.kind, done.endedAt], ['ended', 100, 'completed', 3_000])
  assert.equal(progressOfRecord({ ...record, status: 'processing', finishedAt: null }, 9_000).stage, 'running')
  const failed = progressOfRecord({ ...record, status: 'error', error: { code: 'CANCELLED', detail: '' } }, 9_000)
  assert.equal(failed.outcome?.kind, 'cancelled')
})
