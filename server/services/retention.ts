import type { BackupInfo, BackupKind, BackupStatus } from '../protocol.ts'

/** How many backups of a kind are kept, and for how long; null is without limit. */
export interface Retention {
  readonly count: number | null
  readonly days: number | null
}

export type RetentionRules = Readonly<Record<BackupKind, Retention>>

const DAY_MS = 86_400_000

/** What a restore replaced can be had back for at least this long, whatever the rules say. */
const MIN_SAFETY_COPY_DAYS = 7

/** `20`, `90d`, both, or `all`. @throws RangeError saying what would be right */
export function readRetention(text: string): Retention {
  const parts = text.trim().split(/\s+/)
  const count = parts.find((part) => /^\d{1,6}$/.test(part))
  const days = parts.find((part) => /^\d{1,6}d$/.test(part))
  const isAll = text.trim() === 'all'
  if (!isAll && parts.length !== Number(count !== undefined) + Number(days !== undefined)) {
    throw new RangeError('a number of backups such as 20, of days such as 90d, both (20 90d), or all')
  }
  return { count: count === undefined ? null : Number(count), days: days === undefined ? null : Number(days.slice(0, -1)) }
}

/** The rules as the page shows them. */
export const describeRules = (rules: RetentionRules): BackupStatus['retention'] =>
  Object.entries(rules).map(([kind, { count, days }]) => ({ kind: kind as BackupKind, count, days }))

/** Those backups that the rules let go. The newest one that passed its check is never among them. */
export function toPrune(backups: readonly BackupInfo[], rules: RetentionRules, now: number): BackupInfo[] {
  const newestFirst = backups.toSorted((a, b) => b.createdAt - a.createdAt)
  const newestVerified = newestFirst.find(({ verified }) => verified)
  const seen = new Map<BackupKind, number>()
  return newestFirst.filter((backup) => {
    const { kind, createdAt } = backup
    const older = seen.get(kind) ?? 0
    seen.set(kind, older + 1)
    if (backup === newestVerified) return false
    const ageDays = (now - createdAt) / DAY_MS
    if (kind === 'pre-restore' && ageDays < MIN_SAFETY_COPY_DAYS) return false
    const { count, days } = rules[kind]
    return (count !== null && older >= count) || (days !== null && ageDays > days)
  })
}
