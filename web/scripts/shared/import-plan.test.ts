import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ImportPreview, PreviewColumn, TableInfo } from '../../../server/protocol.ts'
import { detectedForm, type ImportForm } from './import-options.ts'
import { columnHint, fits, keyCandidates, likelyTable, planOf } from './import-plan.ts'
import { plain } from './rich.ts'

const column = (name: string, more: Partial<PreviewColumn> = {}): PreviewColumn => ({ name, type: 'TEXT', nullable: false, as: name, isSkipped: false, misfits: 0, ...more })
const preview = (more: Partial<ImportPreview> = {}): ImportPreview => ({
  dialect: { delimiter: ',', quote: '"', escape: '"', newline: '\n', encoding: 'utf-8', header: true, skipLines: 0 },
  columns: [column('id'), column('host')], rows: [['1', 'a'], ['', 'b']], suggestedTable: 'scan', rowsSampled: 2, rowsRejected: 0, notices: [], ...more,
})
const hosts: TableInfo = { name: 'hosts', rows: 1_268_540, columns: [{ name: 'ID', type: 'INTEGER' }, { name: 'host', type: 'TEXT' }] }
const other: TableInfo = { name: 'other', rows: 1, columns: [{ name: 'id', type: 'TEXT' }] }

function plan(form: Partial<ImportForm>, given: Partial<ImportPreview> = {}, tables = [hosts, other]) {
  const { lead, rest, fix, start } = planOf({ form: { ...detectedForm(), ...form }, preview: preview(given), tables })
  return { says: plain(lead), rest, fix: fix?.label, start }
}

test('the plan says what each mode does', () => {
  const started = { fix: undefined, start: 'yes' }
  assert.deepEqual(plan({}), { says: 'Creates scan with 2 columns.', rest: 'Nothing is written until you start. You can undo it afterwards.', ...started })
  assert.deepEqual(plan({ mode: 'append', table: 'hosts' }), { says: 'Adds rows to hosts.', rest: 'You can undo it afterwards.', ...started })
  assert.deepEqual(plan({ mode: 'upsert', table: 'HOSTS', key: ['id'] }), {
    says: 'Updates rows with the same key in hosts, adds the rest.', rest: 'No row is deleted. You can undo it afterwards.', ...started,
  })
  assert.deepEqual(plan({ mode: 'replace', table: 'hosts' }).says, 'Replaces all 1,268,540 rows in hosts.')
  assert.equal(plan({}, { rowsRejected: 1, rowsSampled: 900 }).rest, '1 of the first 900 rows does not fit and will be rejected. You can undo it afterwards.')
  assert.equal(plan({}, { columns: [column('id'), column('host', { isSkipped: true })] }).says, 'Creates scan with 1 column.')
})

test('what stands in the way is said, with the press that takes it away', () => {
  assert.deepEqual(plan({ newTable: 'Hosts' }), { says: 'A table called hosts exists.', rest: '', fix: 'Append to it', start: 'no' })
  assert.equal(plan({ newTable: ' ' }).says, 'The new table needs a name.')
  assert.equal(plan({ mode: 'append' }).says, 'Choose the table.')
  assert.equal(plan({ mode: 'append', table: 'gone' }).start, 'no')
  assert.deepEqual(plan({ mode: 'append', table: 'other' }), { says: 'host is not a column of other.', rest: '', fix: 'Add it as a new column', start: 'no' })
  assert.equal(plan({ mode: 'append', table: 'other', addColumns: true }).start, 'yes')
  assert.equal(plan({ mode: 'append', table: 'other' }, { columns: [column('x')] }).says, 'The file and other have no column in common.')
  assert.match(plan({ mode: 'upsert', table: 'hosts' }).says, /^Choose the key columns/)
  assert.equal(plan({ mode: 'upsert', table: 'other', key: ['host'], addColumns: true }).says, 'The key column host must be in both the file and the table.')
})

test('a type that does not fit can be started anyway', () => {
  const columns = [column('id', { type: 'INTEGER', misfits: 1 }), column('host')]
  assert.deepEqual(plan({}, { columns, rowsRejected: 1 }), {
    says: 'id is set to Integer, but 1 of the first 2 values is not a whole number.', rest: '', fix: 'Set it back to Text', start: 'anyway',
  })
  assert.deepEqual([plan({ onRowError: 'abort' }, { rowsRejected: 2 }).fix, plan({ onRowError: 'abort' }, { rowsRejected: 2 }).start], ['Reject them instead', 'anyway'])
})

test('without a preview there is nothing to start', () => {
  assert.equal(planOf({ form: detectedForm(), preview: undefined, tables: [] }).start, 'no')
  const failed = planOf({ form: detectedForm(), preview: preview(), error: { code: 'UNREACHABLE', message: 'No answer.' }, tables: [] })
  assert.deepEqual([plain(failed.lead), failed.fix?.label, failed.start], ['No answer.', 'Try again', 'no'])
})

test('rows are offered the table they most likely belong to', () => {
  assert.equal(likelyTable(preview(), [other, hosts]), 'hosts')
  assert.equal(likelyTable(preview({ remembered: { options: { table: 'OTHER' }, usedAt: 1 } }), [other, hosts]), 'other')
  assert.equal(likelyTable(preview({ columns: [column('x')] }), [other, hosts]), undefined)
  assert.equal(likelyTable(preview({ columns: [column('x')] }), [other]), 'other')
  assert.deepEqual(keyCandidates(preview(), other), ['id'])
})

test('a column tells how its values look', () => {
  assert.deepEqual(columnHint(preview(), 0), { text: '1 of 2 empty', isBad: false })
  assert.deepEqual(columnHint(preview({ rows: [['007', ''], ['12', '']] }), 0).text, 'leading zeros kept')
  assert.deepEqual(columnHint(preview({ columns: [column('id', { misfits: 1 })] }), 0), { text: '1 of 2 do not fit', isBad: true })
  assert.deepEqual([fits('', 'INTEGER'), fits('+7', 'INTEGER'), fits('7.0', 'INTEGER'), fits('.5e3', 'REAL'), fits('1e999', 'REAL'), fits('n/a', 'TEXT')],
    [true, true, false, true, false, true])
})
