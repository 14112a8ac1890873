import Database, { type Statement } from 'better-sqlite3'
import { Fault } from '../faults.ts'
import type { ColumnInfo } from '../protocol.ts'
import { tableColumns } from './catalogue.ts'
import { openReader, type Db } from './open.ts'

/**
 * Open the database for a query that somebody typed. Sorting stays in memory, which is limited, so that no query ever
 * writes a byte to a disk.
 */
export function openForQueries(path: string): Db {
  const db = openReader(path)
  db.pragma('temp_store = MEMORY')
  return db
}

/** One statement that does nothing but read. */
export class SqlQuery {
  /** As SQLite names them, so not always different. Those that are a table's own are as the table has them. */
  readonly columns: readonly ColumnInfo[]
  readonly #statement: Statement<unknown[], unknown[]>

  /**
   * SQLite itself says what a statement is: whether it gives rows, and whether it leaves every file as it is
   * (https://sqlite.org/c3ref/stmt_readonly.html). ATTACH and most settings give no rows; what gives rows and writes, an
   * INSERT with RETURNING for instance, is not read-only. Nothing of a statement runs before both are known.
   * @throws Fault BAD_SQL with SQLite's own message, READ_ONLY
   */
  constructor(db: Db, sql: string) {
    const statement = prepare(db, sql)
    if (!statement.reader || !statement.readonly) {
      throw new Fault('READ_ONLY', 'This statement does more than read, or gives no rows. Only statements such as SELECT, WITH, VALUES and EXPLAIN QUERY PLAN can be run here.')
    }
    try {
      statement.bind()
    } catch (cause) {
      throw new Fault('BAD_SQL', 'The statement has parameters such as ? or :name. Write the values themselves.', { cause })
    }
    this.#statement = statement.raw(true).safeIntegers(true)
    this.columns = resultColumns(db, statement)
  }

  /** Rows one by one, as SQLite gives them. @throws Fault BAD_SQL for what is found wrong only as it runs */
  * rows(): Generator<unknown[]> {
    try {
      yield* this.#statement.iterate()
    } catch (error) {
      throw toFault(error)
    }
  }
}

function prepare(db: Db, sql: string): Statement<unknown[], unknown[]> {
  try {
    return db.prepare<unknown[], unknown[]>(sql)
  } catch (error) {
    throw toFault(error)
  }
}

function resultColumns(db: Db, statement: Statement): ColumnInfo[] {
  const tables = new Map<string, Map<string, ColumnInfo>>()
  return statement.columns().map(({ name, column, table }) => {
    if (table === null || column === null) return { name, type: 'TEXT' }
    if (!tables.has(table)) tables.set(table, new Map(tableColumns(db, table).map((known) => [known.name, known])))
    return { type: 'TEXT', ...tables.get(table)!.get(column), name }
  })
}

/** What SQLite says of a statement is for whoever wrote it. Everything else that goes wrong is a failure as any other. */
function toFault(error: unknown): Fault {
  // better-sqlite3 has RangeErrors for no statement and for more than one. SQLite has a code of its own for a LIMIT that is no integer.
  const isBadSql = error instanceof RangeError || (error instanceof Database.SqliteError && (error.code === 'SQLITE_ERROR' || error.code === 'SQLITE_MISMATCH'))
  return isBadSql ? new Fault('BAD_SQL', `${error.message}.`, { cause: error }) : Fault.from(error)
}
