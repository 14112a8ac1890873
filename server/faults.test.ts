import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { Fault, quoted } from './faults.ts'

test('an SQLite error keeps SQLite\'s primary result code and gets a sentence for a person', () => {
  const fault = Fault.from(new Database.SqliteError('database is locked', 'SQLITE_BUSY_SNAPSHOT'))
  assert.equal(fault.code, 'SQLITE_BUSY')
  assert.match(fault.message, /^Another program .*\.$/)
  assert.equal(Fault.from(new Database.SqliteError('x', 'SQLITE_IOERR_SHORT_READ')).code, 'SQLITE_IOERR')
  assert.equal(Fault.from(new Database.SqliteError('x', 'SQLITE_MISMATCH')).code, 'SQLITE_ERROR')
})

test('a full disk is DISK_FULL, wherever it was met', () => {
  assert.equal(Fault.from(Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' })).code, 'DISK_FULL')
})

test('a stranger becomes INTERNAL and tells the user nothing of itself', () => {
  const fault = Fault.from(new Error('secret at /srv/app/db.ts'))
  assert.equal(fault.code, 'INTERNAL')
  assert.doesNotMatch(fault.message, /secret|srv/)
  assert.equal(Fault.from(new Database.SqliteError('UNIQUE constraint failed: _hextrackr_imports.session_id', 'SQLITE_CONSTRAINT_UNIQUE')).code, 'INTERNAL')
  assert.equal(Fault.from(fault), fault)
})

test('a fault survives the way between threads', () => {
  const fault = Fault.fromMessage(structuredClone(new Fault('ROW_TOO_LARGE', 'too long', { line: 7, cause: new Error('why') }).toMessage()))
  assert.deepEqual([fault.code, fault.message, fault.line], ['ROW_TOO_LARGE', 'too long', 7])
})

test('a sentence repeats of what was given as much as can be read', () => {
  assert.equal(quoted('a "b"'), '"a \\"b\\""')
  assert.equal(quoted('😀'.repeat(1_000_000)), `"${'😀'.repeat(100)}…"`)
  assert.equal(quoted('a'.repeat(199) + '😀'.repeat(2)), `"${'a'.repeat(199)}\ufffd…"`)
  assert.deepEqual([null, undefined, 7, false, {}].map(quoted), ['null', 'undefined', '7', 'false', 'an object'])
  assert.equal(quoted(JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)), 'a list')
})
