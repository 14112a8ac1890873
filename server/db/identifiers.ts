import { Fault, quoted } from '../faults.ts'
import { foldName } from '../unique-name.ts'

/** Tables of the app itself begin with this; no user table may. */
export const INTERNAL_PREFIX = '_hextrackr_'

/** Longest table name, in characters. */
const MAX_TABLE_NAME_LENGTH = 120

/**
 * Letters, marks and digits of any script, emoji, spaces and a few harmless signs.
 * No quotes, brackets, semicolons, slashes or control characters: a name is also typed into other programs.
 */
const TABLE_NAME = /^[\p{L}\p{M}\p{N}\p{Extended_Pictographic}\u200d\ufe0f _.,()+@#&$-]+$/u

/** What names of CSV files end with. */
const EXTENSION = /^\.(csv|tsv|txt|tab|psv|dat)$/i

/** An identifier as SQL text, whatever it holds (https://sqlite.org/lang_keywords.html). */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * The table name as it will be used: trimmed and in Unicode normal form C, so that equal names are equal.
 * @throws Fault BAD_TABLE_NAME
 */
export function checkTableName(given: unknown): string {
  const bad = (why: string) => new Fault('BAD_TABLE_NAME', `A table cannot be called ${quoted(given)}: ${why}.`)
  if (typeof given !== 'string') throw bad('a name is text')
  const name = given.trim().normalize('NFC')
  if (name === '') throw bad('a name has at least one character')
  if ([...name].length > MAX_TABLE_NAME_LENGTH) throw bad(`a name has at most ${MAX_TABLE_NAME_LENGTH} characters`)
  if (/^sqlite_/i.test(name)) throw bad('names that begin with "sqlite_" belong to SQLite')
  if (name.toLowerCase().startsWith(INTERNAL_PREFIX)) throw bad(`names that begin with "${INTERNAL_PREFIX}" belong to HexTrackr`)
  if (!TABLE_NAME.test(name)) throw bad('use letters, digits, spaces and _ - . , ( ) + @ # & $ only')
  return name
}

/** A usable table name made of a file's name: its extension and all that a name cannot hold are left out. */
export function tableNameFromFile(filename: string): string {
  let stem = filename.normalize('NFC').replace(/^.*[/\\]/s, '')
  while (EXTENSION.test(stem.slice(-4))) stem = stem.slice(0, -4)
  const kept = [...stem].map((char) => TABLE_NAME.test(char) ? char : '_').join('').replace(/_{2,}/g, '_').trim()
  const short = [...kept].slice(0, MAX_TABLE_NAME_LENGTH - 10).join('').trim()
  if (short === '' || /^[_.]+$/.test(short)) return 'table'
  const reserved = /^sqlite_/i.test(short) || short.toLowerCase().startsWith(INTERNAL_PREFIX)
  return reserved ? `table_${short}` : short
}

/** Whether SQLite takes two names for one. */
export const sameName = (a: string, b: string): boolean => foldName(a) === foldName(b)
