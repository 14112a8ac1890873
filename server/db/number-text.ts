import type { ColumnInfo } from '../protocol.ts'
import type { MixedColumn } from './catalogue.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { Db } from './open.ts'
import { toCell } from './table-query.ts'

const FIXED = '_hextrackr_fixed'

const SHOWN = '_hextrackr_shown'

/** Make `numberAsText` and `mixedAsText` usable on a connection. */
export function registerNumberText(db: Db): void {
  db.function(FIXED, { deterministic: true }, (value: unknown, scale: unknown) => typeof value === 'number' ? value.toFixed(Number(scale)) : value)
  db.function(SHOWN, { deterministic: true }, (value: unknown) => String(toCell(value)))
}

/** SQL that turns what a numeric column holds back into the text it was in the file; NULL stays NULL. */
export function numberAsText({ name, type, scale }: ColumnInfo): string {
  const column = quoteIdentifier(name)
  return type === 'REAL' && scale !== undefined
    ? `CASE typeof(${column}) WHEN 'real' THEN ${FIXED}(${column}, ${scale}) ELSE CAST(${column} AS TEXT) END`
    : `CAST(${column} AS TEXT)`
}

/**
 * SQL that turns numbers in a column of texts into the texts that a file has for them: where the column makes numbers of texts,
 * those of which SQLite makes the same text again, which are all it is given (merge.ts), and else what people see.
 * @param operand the column
 */
export function mixedAsText(operand: string, { isNumeric }: MixedColumn): string {
  return isNumeric
    ? `iif(typeof(${operand}) = 'blob', ${operand}, CAST(${operand} AS TEXT))`
    : `CASE typeof(${operand}) WHEN 'integer' THEN CAST(${operand} AS TEXT) WHEN 'real' THEN ${SHOWN}(${operand}) ELSE ${operand} END`
}
