/** The account of every row: lines that must add up to the rows in the file. Pure. */
import type { ImportMode, Receipt } from '../../../server/protocol.ts'
import { count, plural } from './format.ts'
import type { ProgressState } from './progress-state.ts'

export interface LedgerLine {
  label: string
  value: string
  tone?: 'warn' | 'ok'
  /** What it was before, where it has changed. */
  was?: string
  /** Something to fetch that belongs to the line. */
  link?: { label: string, href: string }
}

export interface Ledger {
  lines: LedgerLine[]
  /** Absent where the number of rows in the file was never learned. */
  total?: { label: string, value: string, check: { adds: boolean, text: string } }
}

/**
 * The ledger of a completed import. Lines that cannot occur in its mode stay away while they are zero.
 * @param rejectsUrl where the rejected rows are, each with its reason
 */
export function receiptLedger(receipt: Partial<Receipt>, mode: ImportMode | undefined, rejectsUrl?: string): Ledger {
  const { rowsRead = 0, rowsInserted = 0, rowsUpdated = 0, rowsUnchanged = 0, rowsRejected = 0 } = receipt
  const merges = mode === 'upsert' || rowsUpdated > 0 || rowsUnchanged > 0
  const off = Math.abs(rowsRead - (rowsInserted + rowsUpdated + rowsUnchanged + rowsRejected))
  return {
    lines: [
      { label: 'Added', value: count(rowsInserted) },
      ...(merges ? [{ label: 'Updated', value: count(rowsUpdated) }, { label: 'Already there, unchanged', value: count(rowsUnchanged) }] : []),
      { label: 'Rejected', value: count(rowsRejected), ...rowsRejected > 0 && { tone: 'warn' as const, ...(rejectsUrl && { link: { label: 'Download with reasons', href: rejectsUrl } }) } },
    ],
    total: {
      label: 'Rows in the file',
      value: count(rowsRead),
      check: off === 0
        ? { adds: true, text: 'adds up' }
        : { adds: false, text: `${plural(off, 'row')} not accounted for. Keep this receipt and report it.` },
    },
  }
}

/** The ledger of a cancelled import: nothing kept, and where the rows were. */
export function cancelledLedger(state: Pick<ProgressState, 'rowsDone' | 'rowsTotal'>): Ledger {
  const { rowsDone, rowsTotal } = state
  const lines: LedgerLine[] = [{ label: 'Kept', value: '0' }, { label: 'Read, then discarded', value: count(rowsDone) }]
  if (rowsTotal === undefined || rowsTotal < rowsDone) return { lines }
  lines.push({ label: 'Not read', value: count(rowsTotal - rowsDone) })
  return { lines, total: { label: 'Rows in the file', value: count(rowsTotal), check: { adds: true, text: 'adds up' } } }
}
