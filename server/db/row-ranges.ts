import { quoteIdentifier } from './identifiers.ts'
import type { Db } from './open.ts'

/** Rows that one statement works on, so that progress can be told in between, and others get their turn. */
const ROWS_PER_STATEMENT = 50_000

/** Largest key that a row can have (https://sqlite.org/rowidtable.html). */
const MAX_ROWID = 2n ** 63n - 1n

/** Keys of rows, both ends included, and the share of the table that is done with them. */
interface KeyRange {
  first: bigint
  last: bigint
  share: number
}

/** Largest key of a table's rows; new rows get larger ones (https://sqlite.org/autoinc.html). */
export function lastRowid(db: Db, table: string): number {
  return db.prepare<[], { last: number | null }>(`SELECT max(_rowid_) AS last FROM ${quoteIdentifier(table)}`).get()!.last ?? 0
}

/** Ranges of a staging table, whose keys have no gaps. */
export function* stagedRanges(db: Db, staging: string): Iterable<KeyRange> {
  const rows = lastRowid(db, staging)
  for (let done = 0; done < rows; done += ROWS_PER_STATEMENT) {
    const upTo = Math.min(rows, done + ROWS_PER_STATEMENT)
    yield { first: BigInt(done + 1), last: BigInt(upTo), share: upTo / rows }
  }
}

/** Ranges of a table that people have: another program may have given its rows keys below 1, or ones that lie far apart. */
export function* keyRanges(db: Db, table: string, rows: number): Iterable<KeyRange> {
  const next = db.prepare<[bigint], { first: bigint | null, last: bigint, rows: bigint }>(
    `SELECT min(key) AS first, max(key) AS last, count(*) AS rows
     FROM (SELECT _rowid_ AS key FROM ${quoteIdentifier(table)} WHERE _rowid_ >= ? ORDER BY _rowid_ LIMIT ${ROWS_PER_STATEMENT})`,
  ).safeIntegers()
  let done = 0
  for (let from = -MAX_ROWID - 1n; from <= MAX_ROWID;) {
    const found = next.get(from)!
    if (found.first === null) return
    done += Number(found.rows)
    yield { first: found.first, last: found.last, share: Math.min(1, done / rows) }
    from = found.last + 1n
  }
}

/** Run a statement for one range of row keys after the other, so that it can be reported and given up in between. */
export function inRanges(ranges: Iterable<KeyRange>, run: (first: bigint, last: bigint) => void, report: (fraction: number) => void): void {
  for (const { first, last, share } of ranges) {
    run(first, last)
    report(share)
  }
}
