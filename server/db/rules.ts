/** What other programs gave to the tables of people: foreign keys, and rules that rows have to keep. */
import { Fault } from '../faults.ts'
import type { Db } from './open.ts'

/**
 * Let tables go and change places without what refers to them following the old one, or going with it: views, triggers and
 * foreign keys of other tables go on meaning the name (https://sqlite.org/pragma.html#pragma_legacy_alter_table). With foreign
 * keys on, keys would follow, and a table that is dropped would take rows of others along
 * (https://sqlite.org/foreignkeys.html#fk_schemacommands). Does not belong in a transaction.
 */
export function keepReferencesByName(db: Db): void {
  db.pragma('legacy_alter_table = ON')
  db.pragma('foreign_keys = OFF')
}

/** Hold rows that come into a table of another program to its keys: it is neither dropped nor moved. Does not belong in a transaction. */
export function enforceForeignKeys(db: Db): void {
  db.pragma('foreign_keys = ON')
}

/**
 * Ask for foreign keys at the end of the transaction only: rows of one file may refer to each other, whichever comes first.
 * Belongs in the transaction, whose COMMIT then fails where one is broken.
 */
export function deferForeignKeys(db: Db): void {
  db.pragma('defer_foreign_keys = ON')
}

/**
 * Do something to the rows of a table of people.
 * @param what breaks the rule, where one is broken: "a row of the file"
 * @throws Fault SQLITE_CONSTRAINT where the table has a rule against it
 */
export function underRules<T>(table: string, what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw brokenRule(table, what, error)
  }
}

const codeOf = (error: unknown): string => error instanceof Error && 'code' in error ? String(error.code) : ''

/** Whether an error, of a COMMIT for instance, is about a row that refers to one that is not there. */
export const isBrokenReference = (error: unknown): error is Error => codeOf(error) === 'SQLITE_CONSTRAINT_FOREIGNKEY'

/** What to tell of an error where rows of a table of people are written; the error itself where it is about no rule. */
export function brokenRule(table: string, what: string, error: unknown): unknown {
  // A key of integers that is to be nothing, or a text, is a mismatch to SQLite.
  if (!(error instanceof Error && /^SQLITE_(CONSTRAINT|MISMATCH)/.test(codeOf(error)))) return error
  // SQLite's own words name the rule: "UNIQUE constraint failed: people.email". Of a foreign key they do not say which.
  const more = isBrokenReference(error) ? ' A row would refer to one that is not there.' : ''
  return new Fault('SQLITE_CONSTRAINT', `The table "${table}" has a rule that ${what} breaks: ${error.message}.${more}`, { cause: error })
}
