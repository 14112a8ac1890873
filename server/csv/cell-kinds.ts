/** What a cell looks like. Only used to judge how a file is to be read; a value's type is decided in column-types.ts. */
export type CellKind = 'empty' | 'missing' | 'number' | 'date' | 'time' | 'boolean' | 'address' | 'text' | 'odd'

const SPACES = '[ \\u00a0\\u202f]'
const DIGITS = `(?:\\d{1,3}(?:[.,'’ \\u00a0\\u202f]\\d{3})+|\\d+)(?:[.,]\\d+)?|[.,]\\d+`
const NUMBER = new RegExp(`^[+-]?(?:[$€£¥]${SPACES}?)?[+-]?(?:${DIGITS})(?:e[+-]?\\d+)?${SPACES}?(?:[%‰€$£¥]|EUR|USD|CHF)?$`, 'i')
const CLOCK = '\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d+)?)?(?: ?[ap]\\.?m\\.?)?'
const TIME = new RegExp(`^${CLOCK}$`, 'i')
const ZONE = '(?: ?(?:Z|UTC|GMT|[+-]\\d{2}:?\\d{2}))?'
const MONTH = '(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*\\.?'
const DATE = new RegExp(`^(?:\\d{4}([-/.])\\d{1,2}\\1\\d{1,2}|\\d{1,2}([-/.])\\d{1,2}\\2(?:\\d{4}|\\d{2})|\\d{1,2}[-. ]{1,2}${MONTH}[-. ]\\d{2,4}|${MONTH} \\d{1,2},? \\d{4})(?:[T ]${CLOCK}${ZONE})?$`, 'i')
const BOOLEAN = /^(?:true|false|yes|no|ja|nein|oui|non)$/i
const MISSING = /^(?:n\/?a|n\.a\.|null|none|nil|nan|-+|\?|\\N|#N\/A)$/i
const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/\S+|[^\s@,;]+@[^\s@,;]+\.[a-z]{2,}|\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d{1,5})?|(?:[\da-f]{2}[:-]){5}[\da-f]{2}|(?:[\da-f]{0,4}:){3,7}[\da-f]{1,4}|[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}|[\da-f]{32,128})$/i

/** Signs that stand in a cell only where it was cut at the wrong places, unless it is quoted. */
const FOREIGN = /[;\t|\u0001\u001f]|,(?=\S)|\r/

/** Two quoted fields, as they look when they were not cut apart. */
const JOINED = /(?<!")"[,;\t| ] ?"(?!")/

/** Characters of a cell that are looked at, and up to which it may be more than text. */
const MAX_LENGTH = 2000
const MAX_MATCHED_LENGTH = 64

/** @param isQuoted whether quotes stood around it, so that anything may be in it */
export function kindOf(cell: string, isQuoted: boolean): CellKind {
  const text = cell.slice(0, MAX_LENGTH).trim()
  if (text === '') return 'empty'
  if (text.length > MAX_MATCHED_LENGTH) return (isQuoted ? JOINED.test(text) : isOdd(text) && !ADDRESS.test(text)) ? 'odd' : 'text'
  const first = text.charCodeAt(0)
  const last = text.charCodeAt(text.length - 1)
  const mayBeNumber = first < 58 || first > 127
  if ((mayBeNumber || (last >= 48 && last <= 57)) && NUMBER.test(text)) return 'number'
  if (mayBeNumber || (last >= 48 && last <= 57)) {
    if (DATE.test(text)) return 'date'
    if (TIME.test(text)) return 'time'
  }
  if (text.length < 6 && BOOLEAN.test(text)) return 'boolean'
  if (text.length < 6 && MISSING.test(text)) return 'missing'
  if (text.length > 6 && ADDRESS.test(text)) return 'address'
  return isQuoted ? (JOINED.test(text) ? 'odd' : 'text') : isOdd(text) ? 'odd' : 'text'
}

function isOdd(text: string): boolean {
  if (text.startsWith('{') !== text.endsWith('}') && (text.startsWith('{') || !text.includes('{'))) return true
  if (text.startsWith('{')) return false
  if (FOREIGN.test(text)) return true
  const first = text[0]!
  return (first === '"' || first === '\'') && text.endsWith(first)
}

/** Kinds that names of columns do not have. */
export const isValueKind = (kind: CellKind): boolean =>
  kind === 'number' || kind === 'date' || kind === 'time' || kind === 'boolean' || kind === 'address'
