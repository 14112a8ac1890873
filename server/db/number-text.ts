import type { ColumnInfo } from '../protocol.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { Db } from './open.ts'

const FIXED = '_hextrackr_fixed'

/** Make `numberAsText` usable on a connection. */
export function registerNumberText(db: Db): void {
  db.function(FIXED, { deterministic: true }, (value: unknown, scale: unknown) => typeof value === 'number' ? value.toFixed(Number(scale)) : value)
}

/** SQL that turns what a numeric column holds back into the text it was in the file; NULL stays NULL. */
export function numberAsText({ name, type, scale }: ColumnInfo): string {
  const column = quoteIdentifier(name)
  return type === 'REAL' && scale !== undefined
    ? `CASE typeof(${column}) WHEN 'real' THEN ${FIXED}(${column}, ${scale}) ELSE CAST(${column} AS TEXT) END`
    : `CAST(${column} AS TEXT)`
}
