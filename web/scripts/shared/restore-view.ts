/** How a restore reads before anybody confirms it: what changes, what goes, what is safe. Pure. */
import type { ImportRecord, ImportReference, RestorePreview } from '../../../server/protocol.ts'
import { count, dayTime, plural, unbroken } from './format.ts'
import type { Rich } from './rich.ts'

/** Said of what does not change. */
export const SAME = 'same'

export interface CompareLine {
  label: string
  now: string
  after: string
  change: string
  /** Something is lost. */
  isLoss: boolean
}

export interface RestoreView {
  title: string
  lines: CompareLine[]
  /** Tables of the backup that differ, for who wants to know each. */
  tables: CompareLine[]
  goes: Rich
  safe: Rich
  meanwhile: Rich
  /** Why it is not offered. */
  blocked?: Rich
}

/** More names would be a list nobody reads; the disclosure has all of them. */
const MOST_NAMED = 5

/** @param running imports that have to end first */
export function restoreView(preview: RestorePreview, running: readonly Pick<ImportRecord, 'filename' | 'table'>[], now: number): RestoreView {
  const { backup, tables, newestImport, importsUndone } = preview
  const sum = (key: 'rowsNow' | 'rowsAfter') => tables.reduce((rows, table) => rows + (table[key] ?? 0), 0)
  const there = (key: 'rowsNow' | 'rowsAfter') => tables.filter((table) => table[key] !== null).length
  const undone = importsUndone === 0 ? 'none undone' : `${count(importsUndone)} undone`
  return {
    title: `Go back to ${dayTime(backup.createdAt, now)}?`,
    lines: [
      compare('Tables', there('rowsNow'), there('rowsAfter')),
      compare('Rows', sum('rowsNow'), sum('rowsAfter')),
      { label: 'Newest import', now: reference(newestImport.now, now), after: reference(newestImport.after, now), change: undone, isLoss: importsUndone > 0 },
    ],
    tables: tables.filter(({ rowsNow, rowsAfter }) => rowsNow !== rowsAfter).map(({ name, rowsNow, rowsAfter }) => ({
      label: name, now: rowsNow === null ? 'not there' : count(rowsNow), after: rowsAfter === null ? 'gone' : count(rowsAfter),
      change: rowsNow === null ? 'comes back' : rowsAfter === null ? 'goes' : difference(rowsNow, rowsAfter),
      isLoss: rowsAfter === null || rowsAfter < (rowsNow ?? 0),
    })),
    goes: goes(preview),
    safe: ['First, the database as it is now is saved as a safety copy and verified. You can restore that too.'],
    meanwhile: ['Tables can be read. Imports cannot be started until it is done.'],
    ...(running.length > 0 && { blocked: blocked(running) }),
  }
}

const difference = (now: number, after: number): string => now === after ? SAME : after < now ? `${count(now - after)} fewer` : `${count(after - now)} more`

function compare(label: string, now: number, after: number): CompareLine {
  return { label, now: count(now), after: count(after), change: difference(now, after), isLoss: after < now }
}

const reference = (newest: ImportReference | null, now: number): string => newest === null ? 'none' : `#${newest.number}, ${unbroken(dayTime(newest.finishedAt, now))}`

function goes({ tables, importsUndone }: RestorePreview): Rich {
  const vanishing = tables.filter(({ rowsNow, rowsAfter }) => rowsNow !== null && rowsAfter === null).map(({ name }) => name)
  const missing: Rich = [
    ...vanishing.length === 0 ? [] : [vanishing.length === 1 ? 'Table ' : 'Tables ', ...named(vanishing)],
    ...importsUndone === 0 ? [] : [vanishing.length === 0 ? plural(importsUndone, 'import') : ` and ${plural(importsUndone, 'import')}`],
  ]
  const then = 'Every value becomes what it was then.'
  if (missing.length === 0) return [`Whatever was changed since this backup. ${then}`]
  return [...missing, vanishing.length + importsUndone === 1 ? ' is' : ' are', ` not in this backup. ${then}`]
}

function named(names: readonly string[]): Rich {
  const shown = names.slice(0, MOST_NAMED)
  const rest = names.length - shown.length
  return [
    ...shown.flatMap((name, index): Rich => [...index === 0 ? [] : [rest === 0 && index === shown.length - 1 ? ' and ' : ', '], { data: name }]),
    ...rest > 0 ? [` and ${count(rest)} more`] : [],
  ]
}

function blocked(running: readonly Pick<ImportRecord, 'filename' | 'table'>[]): Rich {
  const [first, ...others] = running
  const isOne = first !== undefined && others.length === 0
  return [
    { strong: isOne ? 'An import is running.' : `${count(running.length)} imports are running.` }, ' ',
    ...isOne ? [{ data: first.filename }, ' into ', { data: first.table }] : named(running.map(({ filename }) => filename)),
    ` ${isOne ? 'has' : 'have'} to end, or to be cancelled, before the database can be replaced.`,
  ]
}
