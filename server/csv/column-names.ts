import { uniqueName } from '../unique-name.ts'

/** What the header became, and what had to be changed for it. */
export interface ColumnNames {
  names: string[]
  /** A sentence for each column whose name is not the header's text. */
  notices: string[]
}

/** Longest column name kept, in characters. */
const MAX_COLUMN_NAME_LENGTH = 200

/** SQLite's own name for the row's key: a column of that name would hide it (https://sqlite.org/lang_createtable.html#rowid). */
const RESERVED = new Set(['_rowid_'])

/** Usable and unique column names out of a header. SQLite compares names without ASCII case. */
export function columnNames(header: readonly string[]): ColumnNames {
  const taken = new Set<string>(RESERVED)
  const notices: string[] = []
  const names = header.map((text, index) => {
    const wanted = [...text.trim()].slice(0, MAX_COLUMN_NAME_LENGTH).join('') || `column_${index + 1}`
    const name = uniqueName(wanted, (candidate) => taken.has(candidate.toLowerCase()))
    taken.add(name.toLowerCase())
    if (name !== text.trim()) {
      notices.push(text.trim() === ''
        ? `Column ${index + 1} has no name and is called "${name}".`
        : `Column ${index + 1}, "${wanted}", is called "${name}".`)
    }
    return name
  })
  return { names, notices }
}
