import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BackupInfo, BackupKind } from '../protocol.ts'
import { readRetention, toPrune, type RetentionRules } from './retention.ts'

const DAY_MS = 86_400_000
const NOW = 1_800_000_000_000
const ALL = { count: null, days: null }
const KEEP_ALL: RetentionRules = { 'manual': ALL, 'scheduled': ALL, 'pre-restore': ALL, 'uploaded': ALL }

const backup = (kind: BackupKind, ageDays: number, verified = true): BackupInfo =>
  ({ name: `${kind}-${ageDays}.db`, bytes: 1, createdAt: NOW - ageDays * DAY_MS, kind, verified, tables: 1, rows: 1 })

const pruned = (backups: BackupInfo[], rules: Partial<RetentionRules>): string[] => toPrune(backups, { ...KEEP_ALL, ...rules }, NOW).map(({ name }) => name)

describe('what is pruned', () => {
  test('is what exceeds the count or the age of its own kind', () => {
    const backups = [1, 2, 3, 4].flatMap((age) => [backup('scheduled', age), backup('manual', age)])
    assert.deepEqual(pruned(backups, { scheduled: { count: 2, days: null } }), ['scheduled-3.db', 'scheduled-4.db'])
    assert.deepEqual(pruned(backups, { scheduled: { count: null, days: 3 } }), ['scheduled-4.db'])
    assert.deepEqual(pruned(backups, { scheduled: { count: 3, days: 2 }, manual: { count: 4, days: 10 } }), ['scheduled-3.db', 'scheduled-4.db'])
    assert.deepEqual(pruned(backups, {}), [])
  })

  test('is never a safety copy before its seventh day', () => {
    const backups = [backup('manual', 0), ...[1, 6.9, 7, 8].map((age) => backup('pre-restore', age))]
    assert.deepEqual(pruned(backups, { 'pre-restore': { count: 0, days: 0 } }), ['pre-restore-7.db', 'pre-restore-8.db'])
  })

  test('is never the newest backup that passed its check', () => {
    const backups = [backup('uploaded', 1, false), backup('scheduled', 100), backup('scheduled', 101)]
    assert.deepEqual(pruned(backups, { scheduled: { count: 0, days: 1 }, uploaded: { count: 0, days: null } }), ['uploaded-1.db', 'scheduled-101.db'])
  })
})

test('readRetention reads counts, days, both or neither, and says what would be right', () => {
  assert.deepEqual([readRetention('14'), readRetention('90d'), readRetention('90d 14'), readRetention('all')], [
    { count: 14, days: null }, { count: null, days: 90 }, { count: 14, days: 90 }, ALL,
  ])
  for (const wrong of ['', '-1', '14 15', 'd', 'all 3', '3 weeks']) assert.throws(() => readRetention(wrong), /a number of backups such as 20/)
})
