import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectedForm, formOf, formOfRemembered, formOfTarget, optionsOf, previewOptionsOf, sameOptions, type ImportForm } from './import-options.ts'

const form = (more: Partial<ImportForm> = {}): ImportForm => ({ ...detectedForm(), ...more })

test('what nobody decided is not said', () => {
  assert.deepEqual(optionsOf(detectedForm()), { mode: 'create' })
  assert.deepEqual(previewOptionsOf(detectedForm()), {})
  assert.deepEqual(optionsOf(form({ columns: { a: {}, b: { rename: ' b ' }, c: { skip: false } } })), { mode: 'create' })
})

test('options and form are the same in two shapes', () => {
  const all = form({
    mode: 'upsert', table: 'hosts', key: ['id'], addColumns: true, onRowError: 'abort',
    reading: { delimiter: ';', quote: '', header: false, skipLines: 2 },
    columns: { id: { type: 'INTEGER' }, note: { skip: true }, host: { rename: 'name' } },
  })
  const options = optionsOf(all)
  assert.deepEqual(options, {
    table: 'hosts', mode: 'upsert', key: ['id'], addColumns: true, delimiter: ';', quote: '', header: false, skipLines: 2,
    columns: { id: { type: 'INTEGER' }, note: { skip: true }, host: { rename: 'name' } }, onRowError: 'abort',
  })
  assert.deepEqual(formOf(options), all)
})

test('a setting of another mode is kept in the form and stays out of the options', () => {
  const undecided = form({ mode: 'create', newTable: ' new ', table: 'old', key: ['id'], addColumns: true })
  assert.deepEqual(optionsOf(undecided), { mode: 'create', table: 'new' })
  assert.deepEqual(optionsOf({ ...undecided, mode: 'replace' }), { mode: 'replace', table: 'old' })
  assert.deepEqual(optionsOf({ ...undecided, mode: 'append' }), { mode: 'append', table: 'old', addColumns: true })
})

test('a preview is asked without what does not change it: mode, key, existing table', () => {
  const upsert = form({ mode: 'upsert', table: 'hosts', newTable: 'x', reading: { delimiter: '|' } })
  assert.deepEqual(previewOptionsOf(upsert), { delimiter: '|' })
  assert.deepEqual(previewOptionsOf({ ...upsert, mode: 'create' }), { table: 'x', delimiter: '|' })
})

test('what the server remembers becomes the form it was', () => {
  const remembered = {
    table: 'hosts', mode: 'upsert', key: ['id'], addColumns: false, dialect: { delimiter: ';', quote: '\'', escape: '\'' },
    columns: { a: { type: 'TEXT' } }, onRowError: 'reject',
  }
  const again = formOfRemembered(remembered, [{ name: 'Hosts' }])
  assert.deepEqual(optionsOf(again), { table: 'hosts', mode: 'upsert', key: ['id'], delimiter: ';', quote: '\'', escape: '\'', columns: { a: { type: 'TEXT' } } })
  assert.deepEqual(optionsOf(formOfRemembered(remembered, [])), {
    table: 'hosts', mode: 'create', delimiter: ';', quote: '\'', escape: '\'', columns: { a: { type: 'TEXT' } },
  }, 'a table that is gone is created anew')
  const created = { table: 'hosts', mode: 'create', key: [], addColumns: false, dialect: {}, columns: {}, onRowError: 'reject' }
  assert.ok(sameOptions(formOfRemembered(created, [{ name: 'hosts' }]), detectedForm()), 'what was all detected is nothing to offer')
  assert.deepEqual(optionsOf(formOfRemembered({ mode: 5, dialect: null, columns: [], key: 'x' }, [])), { mode: 'create' })
})

test('corrected rejects go back to their table', () => {
  assert.deepEqual(optionsOf(formOfTarget(detectedForm(), { table: 'hosts', mode: 'upsert', key: ['id'] })), { table: 'hosts', mode: 'upsert', key: ['id'] })
})

test('options are compared by what they say, not by the order it was said in', () => {
  assert.ok(sameOptions(form({ columns: { a: { skip: true }, b: { type: 'REAL' } } }), form({ columns: { b: { type: 'REAL' }, a: { skip: true } } })))
  assert.ok(!sameOptions(form({ reading: { header: true } }), detectedForm()))
})
