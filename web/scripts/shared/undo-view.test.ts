import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ImportRecord } from '../../../server/protocol.ts'
import { plain } from './rich.ts'
import { blockedBy, historyView, importBefore, undoView } from './undo-view.ts'

const record = (number: number, more: Partial<ImportRecord> = {}): ImportRecord => ({
  sessionId: String(number), number, filename: 'a.csv', table: 'hosts', mode: 'upsert', status: 'completed', rowsRead: 100, rowsInserted: 10, rowsUpdated: 5,
  rowsUnchanged: 85, rowsRejected: 0, startedAt: 0, finishedAt: 1, durationMs: 1, rowsPerSecond: 1, tableRows: 100 * number, undoable: true, ...more,
})

test('an undo says what goes before it is done', () => {
  const lines = (...given: Parameters<typeof undoView>) => {
    const { lines, total } = undoView(...given)
    return [...lines, total].map(({ value }) => value)
  }
  assert.deepEqual(lines(record(2), 1_010, undefined), ['1,010', '−10', '1,000'])
  assert.match(undoView(record(2), 1_010, undefined).note, /^5 updated rows get their old values back\./)
  assert.deepEqual(lines(record(2, { mode: 'create' }), 10, undefined), ['10', '−10', 'no table'])
  assert.deepEqual(lines(record(2, { mode: 'replace' }), 10, 40), ['10', '+40', '−10', '40'])
  assert.deepEqual(lines(record(2, { mode: 'replace' }), 10, undefined), ['10', '−10', 'as before the import'])
  assert.deepEqual(lines(record(2, { rowsInserted: 0 }), 7, undefined), ['7', '0', '7'])
})

test('the history tells what has to be undone first, and what comes back', () => {
  const history = [record(5), record(4, { table: 'other' }), record(3, { undoneAt: 9 }), record(2), record(1)]
  assert.equal(blockedBy(record(2), history), 5)
  assert.equal(blockedBy(record(5), history), undefined)
  assert.equal(importBefore(record(5), history)?.number, 2)
  assert.equal(importBefore(record(1), history), undefined)
})

test('a receipt of an undone import says so and offers no undo', () => {
  assert.deepEqual(historyView(record(1), 0), { canUndo: true })
  const undone = historyView(record(1, { undoable: false, undoneAt: Date.now() }), Date.now())
  assert.equal(undone.canUndo, false)
  assert.match(plain(undone.note ?? []), /^Undone today .*hosts is as it was before\.$/)
})
