import { foldName, uniqueName } from '../unique-name.ts'

/** What the header became, and what had to be changed for it. */
export interface ColumnNames {
  names: string[]
  /** A sentence for each column whose name is not the header's text. */
  notices: string[]
}

/** Longest column name kept, in characters. */
const MAX_COLUMN_NAME_LENGTH = 200

/** Characters of a name that a notice quotes. */
const MAX_QUOTED_LENGTH = 40

/** SQLite's own name for the row's key: a column of that name would hide it (https://sqlite.org/lang_createtable.html#rowid). */
const RESERVED = new Set(['_rowid_'])

/**
 * Usable and unique column names out of a header. A name that can stay as it is does, so that one made unique never takes
 * the name of a later column.
 */
export function columnNames(header: readonly string[]): ColumnNames {
  const given = header.map(cleaned)
  const wanted = given.map((text, index) => text || `column_${index + 1}`)
  const namesGiven = new Set(given.map(foldName))
  const taken = new Set<string>(RESERVED)
  const keepsName = wanted.map((name, index) => {
    if (taken.has(foldName(name)) || (given[index] === '' && namesGiven.has(name))) return false
    taken.add(foldName(name))
    return true
  })
  const notices: string[] = []
  /** By name, how often it was made unique: each of those numbers is taken. */
  const repeats = new Map<string, number>()
  const names = wanted.map((name, index) => {
    const repeated = repeats.get(foldName(name)) ?? 0
    const unique = keepsName[index] ? name : uniqueName(name, (candidate) => taken.has(foldName(candidate)), repeated + 2)
    if (!keepsName[index]) repeats.set(foldName(name), repeated + 1)
    taken.add(foldName(unique))
    const text = header[index]!.trim()
    if (unique !== text) notices.push(noticeOf(index, text, unique))
    return unique
  })
  return { names, notices }
}

/** As much of a text as a name can be. NUL ends a name for SQLite, and surrogates that stand alone are no text. */
function cleaned(text: string): string {
  const whole = text.trim().replaceAll('\0', '')
  // A character takes two places at the most.
  return [...whole.slice(0, 2 * MAX_COLUMN_NAME_LENGTH).toWellFormed()].slice(0, MAX_COLUMN_NAME_LENGTH).join('')
}

/** That a column is not called what it was to be. @param index its place in the file, from 0 */
export function noticeOf(index: number, text: string, name: string): string {
  if (text === '') return `Column ${index + 1} has no name and is called "${name}".`
  return `Column ${index + 1}, "${shortened(text)}", is called "${shortened(name)}".`
}

/** As much of a text as a notice quotes. */
export const shortened = (text: string): string => text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text
