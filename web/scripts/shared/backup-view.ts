/** How backups, their schedule and their space read. Pure. */
import type { BackupInfo, BackupKind, BackupStatus } from '../../../server/protocol.ts'
import { count, dayTime, plural, unbroken, until } from './format.ts'
import type { IconName } from './icon-names.ts'

const KINDS: Record<BackupKind, string> = { 'manual': 'By hand', 'scheduled': 'Scheduled', 'pre-restore': 'Safety copy', 'uploaded': 'Uploaded' }

/** `By hand, 7 tables, 2,305,233 rows` */
export function contentOf({ kind, tables, rows }: Pick<BackupInfo, 'kind' | 'tables' | 'rows'>): string {
  return [KINDS[kind], ...tables === null ? [] : [plural(tables, 'table')], ...rows === null ? [] : [plural(rows, 'row')]].join(', ')
}

/** What is known of a backup's integrity. Never colour alone. */
export interface Integrity {
  word: 'Verified' | 'Damaged' | 'Not checked'
  tone: 'ok' | 'bad' | 'off'
  symbol: IconName
  /** The start of the hash in the data's voice, or the reason in the app's. */
  detail: string
}

export function integrityOf({ verified, sha256 = '', damage }: Pick<BackupInfo, 'verified' | 'sha256' | 'damage'>): Integrity {
  if (verified) return { word: 'Verified', tone: 'ok', symbol: 'shield-check', detail: sha256.slice(0, 8) }
  if (damage !== undefined) return { word: 'Damaged', tone: 'bad', symbol: 'circle-x', detail: damage }
  return { word: 'Not checked', tone: 'off', symbol: 'info', detail: 'Checked before it is restored' }
}

/** The newest backup that can be trusted. */
export const newestVerified = (backups: readonly BackupInfo[]): BackupInfo | undefined =>
  backups.filter(({ verified }) => verified).sort((a, b) => b.createdAt - a.createdAt)[0]

export interface Pair { label: string, value: string, isData?: boolean }

/** At one time of the day, every day or on one day of the week. */
const SIMPLE = /^(\d{1,2}) (\d{1,2}) \* \* ([*0-7])$/
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']

/** When backups come by themselves, and what is kept of each kind. */
export function schedulePairs({ schedule, retention }: Pick<BackupStatus, 'schedule' | 'retention'>, now: number): Pair[] {
  const kept = retention.map(({ kind, count: most, days }): Pair => ({ label: `${KINDS[kind]}, kept`, value: keeps(most, days) }))
  if (!schedule) return kept
  const [, minute, hour, day] = SIMPLE.exec(schedule.cron.trim()) ?? []
  // The clock of the server decides, which need not be that of the reader; when it is next is told by the reader's.
  const when: Pair = hour === undefined || minute === undefined
    ? { label: 'Schedule', value: schedule.cron, isData: true }
    : { label: `Every ${DAYS[Number(day)] ?? 'day'}`, value: `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}, server time` }
  const next: Pair[] = schedule.nextAt === null ? [] : [{ label: 'Next', value: `${dayTime(schedule.nextAt, now)}, ${until(schedule.nextAt, now)}` }]
  return [when, ...next, ...kept]
}

function keeps(most: number | null, days: number | null): string {
  const age = days === null ? '' : unbroken(`for ${plural(days, 'day')}`)
  if (most === null) return age === '' ? 'all' : age
  const newest = most === 1 ? 'the newest' : `the newest ${count(most)}`
  return age === '' ? newest : `${newest}, ${age}`
}
