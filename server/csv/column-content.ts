import type { ColumnContent } from '../protocol.ts'

/** Every content that a column may have, one bit each: separators are apart, since all dates of a column have the same. */
const SEPARATORS = ['-', '/', '.'] as const
const SEPARATOR_BYTES = SEPARATORS.map((separator) => separator.charCodeAt(0))
const YEAR_FIRST = 0
const DAY_FIRST = 3
const MONTH_FIRST = 6
const TRUE_FALSE = 1 << 9
const YES_NO = 1 << 10

/** Of a column of which nothing is known yet. */
export const ANY_CONTENT = (1 << 11) - 1

/** Longest text that may be a date with its time. */
const MAX_LENGTH = 32

const ZERO = 48
const NINE = 57
const WORDS = [['true', TRUE_FALSE], ['false', TRUE_FALSE], ['yes', YES_NO], ['no', YES_NO]] as const
/** What makes an ASCII letter a small one. */
const LOWER_CASE = 0x20

/**
 * What a text may be, besides text: bits that are combined with AND over all values of a column.
 * @param bytes hold the text from `from` to before `to`, in UTF-8
 * @returns 0 where it is nothing but text
 */
export function contentsOf(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > MAX_LENGTH || from === to) return 0
  return isDigit(bytes[from]) ? dateOf(bytes, from, to) : wordOf(bytes, from, to)
}

function wordOf(bytes: Uint8Array, from: number, to: number): number {
  for (const [word, contents] of WORDS) {
    if (to - from !== word.length) continue
    let at = 0
    while (at < word.length && (bytes[from + at]! | LOWER_CASE) === word.charCodeAt(at)) at++
    if (at === word.length) return contents
  }
  return 0
}

function dateOf(bytes: Uint8Array, from: number, to: number): number {
  const firstDigits = digitsAt(bytes, from, to)
  const separator = separatorAt(bytes, from + firstDigits)
  if (separator === -1) return 0
  const second = from + firstDigits + 1
  const secondDigits = digitsAt(bytes, second, to)
  const third = second + secondDigits + 1
  if (separatorAt(bytes, third - 1) !== separator) return 0
  const thirdDigits = digitsAt(bytes, third, to)
  if (!isTime(bytes, third + thirdDigits, to)) return 0
  const one = numberAt(bytes, from, firstDigits)
  const two = numberAt(bytes, second, secondDigits)
  if (firstDigits === 4 && secondDigits === 2 && thirdDigits === 2) return isDate(two, numberAt(bytes, third, 2)) ? 1 << (YEAR_FIRST + separator) : 0
  if (firstDigits < 1 || firstDigits > 2 || secondDigits < 1 || secondDigits > 2 || thirdDigits !== 4) return 0
  return (isDate(two, one) ? 1 << (DAY_FIRST + separator) : 0) | (isDate(one, two) ? 1 << (MONTH_FIRST + separator) : 0)
}

/** Nothing, or a time of day: `T08:15`, ` 08:15:00`, ` 08:15:00.123Z`. */
function isTime(bytes: Uint8Array, from: number, to: number): boolean {
  if (from === to) return true
  if (bytes[from] !== 0x54 && bytes[from] !== 0x20) return false
  if (!isClockPart(bytes, from + 1, to, 23) || bytes[from + 3] !== COLON || !isClockPart(bytes, from + 4, to, 59)) return false
  let at = from + 6
  if (bytes[at] === COLON && at < to) {
    if (!isClockPart(bytes, at + 1, to, 59)) return false
    at += 3
    if ((bytes[at] === 0x2e || bytes[at] === 0x2c) && at < to) {
      const digits = digitsAt(bytes, at + 1, to)
      if (digits < 1 || digits > 9) return false
      at += 1 + digits
    }
  }
  if (bytes[at] === 0x5a && at < to) at++
  return at === to
}

const COLON = 0x3a

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= NINE

function digitsAt(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && isDigit(bytes[at])) at++
  return at - from
}

function numberAt(bytes: Uint8Array, from: number, digits: number): number {
  let value = 0
  for (let at = from; at < from + digits; at++) value = value * 10 + bytes[at]! - ZERO
  return value
}

const isClockPart = (bytes: Uint8Array, from: number, to: number, most: number): boolean =>
  from + 2 <= to && isDigit(bytes[from]) && isDigit(bytes[from + 1]) && numberAt(bytes, from, 2) <= most

/** Which of SEPARATORS stands at a place; -1 for none. */
const separatorAt = (bytes: Uint8Array, at: number): number => SEPARATOR_BYTES.indexOf(bytes[at]!)

const isDate = (month: number, day: number): boolean => month >= 1 && month <= 12 && day >= 1 && day <= 31

const bit = (order: number, separator: string): number => 1 << (order + SEPARATORS.indexOf(separator as typeof SEPARATORS[number]))

/**
 * What a column is, by what all its values may be.
 * @returns undefined for text, and where day and month cannot be told apart
 */
export function contentOf(bits: number): ColumnContent | undefined {
  if (bits === 0 || bits === ANY_CONTENT) return undefined
  if (bits === TRUE_FALSE || bits === YES_NO) return 'boolean'
  const separator = SEPARATORS.find((sign) => bits & (bit(YEAR_FIRST, sign) | bit(DAY_FIRST, sign) | bit(MONTH_FIRST, sign)))!
  if (bits & bit(YEAR_FIRST, separator)) return 'date-ymd'
  const isDayFirst = (bits & bit(DAY_FIRST, separator)) !== 0
  // With points the day comes first wherever dates are written so; with the others both are usual.
  if (isDayFirst && (bits & bit(MONTH_FIRST, separator)) !== 0 && separator !== '.') return undefined
  return isDayFirst ? 'date-dmy' : 'date-mdy'
}
