import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BackupMetadata } from '../../../server/protocol.ts'
import { firstPhase, isOperationKind, kindOf, lastPhase, nameOperation, operationIn, phaseIndex, stepFraction, stepIndex, stepsOf, type OperationKind } from './operation.ts'

const KINDS: OperationKind[] = ['import', 'backup', 'upload', 'restore']

test('the steps of every kind make up the whole bar', () => {
  for (const kind of KINDS) {
    assert.equal(stepsOf(kind).reduce((sum, { weight }) => sum + weight, 0), 100, kind)
    assert.equal(stepIndex(kind, firstPhase(kind)), 0)
    assert.equal(stepIndex(kind, lastPhase(kind)), stepsOf(kind).length - 1)
  }
})

test('a restore is checked, saved, replaced and verified, in the order of the server', () => {
  assert.deepEqual(stepsOf('restore').map(({ label }) => label), ['Check', 'Safety copy', 'Replace', 'Verify'])
  assert.deepEqual(['check', 'safety', 'restore', 'verify'].map((phase) => phaseIndex('restore', phase as 'check')), [0, 1, 2, 3])
  assert.equal(stepFraction('restore', 2, 48 + 17), 0.5)
})

test('merge belongs to the last step of an import, and comes before finish', () => {
  assert.equal(stepIndex('import', 'merge'), 3)
  assert.ok(phaseIndex('import', 'merge') < phaseIndex('import', 'finish'))
})

test('what the server says tells the kind', () => {
  const backup: BackupMetadata = { operation: 'backup' }
  assert.deepEqual([{ operation: 'csv-import' }, backup, { ...backup, kind: 'scheduled' }, { ...backup, kind: 'uploaded' }, { operation: 'restore' }].map(kindOf),
    ['import', 'backup', 'backup', 'upload', 'restore'])
})

test('an address names one operation, and keeps everything else', () => {
  const url = new URL('http://localhost/tables/a?q=x&import=1')
  assert.deepEqual(operationIn(url.search), { kind: 'import', id: '1' })
  nameOperation(url, { kind: 'restore', id: '2' })
  assert.equal(url.search, '?q=x&restore=2')
  assert.deepEqual(operationIn(url.search), { kind: 'restore', id: '2' })
  nameOperation(url, undefined)
  assert.deepEqual([url.search, operationIn(url.search)], ['?q=x', undefined])
})

test('only kinds are kinds', () => {
  assert.deepEqual([...KINDS, 'toString', undefined, 3].map(isOperationKind), [true, true, true, true, false, false, false])
})
