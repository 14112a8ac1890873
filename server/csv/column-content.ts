import type { ColumnContent } from '../protocol.ts'

/** Every content that a column may have, one bit each: separators are apart, since all dates of a column have the same. */
const SEPARATORS = ['-', '/', '.'] as const
const YEAR_FIRST = 0
const DAY_FIRST = 3
const MONTH_FIRST = 6
const TRUE_FALSE = 1 << 9
const YES_NO = 1 << 10

/** Of a column of which nothing is known yet. */
export const ANY_CONTENT = (1 << 11) - 1

/** Longest text that may be a date with its time. */
const MAX_LENGTH = 32

const TIME = '(?:[T ]([01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:[.,]\\d{1,9})?)?Z?)?'
const YEAR_MONTH_DAY = new RegExp(`^\\d{4}([-/.])(0[1-9]|1[0-2])\\1(0[1-9]|[12]\\d|3[01])${TIME}$`)
const TWO_NUMBERS_YEAR = new RegExp(`^(\\d{1,2})([-/.])(\\d{1,2})\\2\\d{4}${TIME}$`)

const ZERO = 48
const NINE = 57

/**
 * What a text may be, besides text: bits that are combined with AND over all values of a column.
 * @returns 0 where it is nothing but text
 */
export function contentsOf(text: string): number {
  if (text.length > MAX_LENGTH) return 0
  const first = text.charCodeAt(0)
  if (first < ZERO || first > NINE) {
    const word = text.length > 5 ? '' : text.toLowerCase()
    return word === 'true' || word === 'false' ? TRUE_FALSE : word === 'yes' || word === 'no' ? YES_NO : 0
  }
  const yearFirst = YEAR_MONTH_DAY.exec(text)
  if (yearFirst) return bit(YEAR_FIRST, yearFirst[1]!)
  const yearLast = TWO_NUMBERS_YEAR.exec(text)
  if (!yearLast) return 0
  const [, one, separator, two] = yearLast
  return (isDate(two!, one!) ? bit(DAY_FIRST, separator!) : 0) | (isDate(one!, two!) ? bit(MONTH_FIRST, separator!) : 0)
}

const bit = (order: number, separator: string): number => 1 << (order + SEPARATORS.indexOf(separator as typeof SEPARATORS[number]))

const isDate = (month: string, day: string): boolean => Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= 31

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
