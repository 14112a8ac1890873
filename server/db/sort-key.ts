import type { ColumnInfo } from '../protocol.ts'
import { quoteIdentifier } from './identifiers.ts'

/** Places of the two numbers before the year. */
const ORDERS = { 'date-dmy': ['month', 'day'], 'date-mdy': ['day', 'month'] } as const

/**
 * SQL that orders a column's values as people mean them: dates that begin with the day or the month by year, month and
 * day. Deterministic and made of SQLite's own functions only, so it can be indexed.
 * @param operand what is ordered: the column, or something to be compared with it
 */
export function sortKey({ name, content }: ColumnInfo, operand = quoteIdentifier(name)): string {
  if (content !== 'date-dmy' && content !== 'date-mdy') return operand
  // 1/2/2024 12:30: the year begins four digits before a space or the end, after the last of two separators.
  const bare = `replace(replace(${operand}, '/', '.'), '-', '.')`
  const tail = `substr(${bare}, instr(${bare}, '.') + 1)`
  const parts = { first: bare, second: tail }
  const [lead, follow] = ORDERS[content][0] === 'month' ? [parts.second, parts.first] : [parts.first, parts.second]
  return `substr(${tail}, instr(${tail}, '.') + 1, 4) || printf('%02d%02d', ${lead}, ${follow}) || substr(${tail}, instr(${tail}, '.') + 5)`
}
