import type { ColumnInfo, ColumnType } from '../protocol.ts'
import { ANY_CONTENT, contentOf, contentsOf } from './column-content.ts'

/** Most significant decimal digits that every IEEE 754 double keeps (DBL_DIG). */
const MAX_REAL_DIGITS = 15

const MINUS = 45
const POINT = 46
const ZERO = 48
const NINE = 57

/**
 * The integer that a text stands for, where it comes back from a number as the very same text: no plus sign, no leading
 * zero, no minus zero, and small enough to be exact in JSON's and JavaScript's numbers too.
 * @param bytes hold the text from `from` to before `to`, in UTF-8
 * @returns NaN for any other text
 */
export function exactInteger(bytes: Uint8Array, from: number, to: number): number {
  const isNegative = bytes[from] === MINUS
  const first = isNegative ? from + 1 : from
  const digits = to - first
  if (digits < 1 || digits > 16) return NaN
  if (bytes[first] === ZERO) return digits === 1 && !isNegative ? 0 : NaN
  let value = 0
  for (let at = first; at < to; at++) {
    const digit = bytes[at]! - ZERO
    if (digit < 0 || digit > 9) return NaN
    value = value * 10 + digit
  }
  if (digits === 16 && !Number.isSafeInteger(value)) return NaN
  return isNegative ? -value : value
}

/**
 * Digits after the point of a plain decimal that comes back from a double as the very same text when it is
 * written with that many digits; -1 for any other text.
 * @param bytes hold the text from `from` to before `to`, in UTF-8
 */
export function exactDecimalScale(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from
  let point = -1
  let significant = 0
  for (let at = first; at < to; at++) {
    const code = bytes[at]!
    if (code === POINT) {
      if (point !== -1) return -1
      point = at
    } else if (code < ZERO || code > NINE) {
      return -1
    } else if (significant > 0 || code !== ZERO) {
      significant++
    }
  }
  if (point <= first || point === to - 1 || significant > MAX_REAL_DIGITS) return -1
  if (bytes[first] === ZERO && point !== first + 1) return -1
  if (significant === 0 && first > from) return -1
  const scale = to - point - 1
  return scale > MAX_REAL_DIGITS ? -1 : scale
}

/**
 * The double nearest to a decimal for which exactDecimalScale gave a scale: its digits and the power of ten are both exact,
 * so their quotient is rounded but once.
 */
export function exactDecimal(bytes: Uint8Array, from: number, to: number, scale: number): number {
  const isNegative = bytes[from] === MINUS
  let digits = 0
  for (let at = isNegative ? from + 1 : from; at < to; at++) {
    const code = bytes[at]!
    if (code !== POINT) digits = digits * 10 + (code - ZERO)
  }
  const value = digits / 10 ** scale
  return isNegative ? -value : value
}

const EMPTY = 0
const INTEGER = 1
const REAL = 2
const TEXT = 3
const ASKED_INTEGER = 4
const ASKED_REAL = 5

const ASKED = { INTEGER: ASKED_INTEGER, REAL: ASKED_REAL } as const

/**
 * Decides the types of columns over all their values, by a rule that cannot lose information: a column is INTEGER or
 * REAL only where every value that is not empty survives the way to a number and back to text, REAL only where all have
 * the same number of digits after the point. A column moves at most twice, from empty to its first type and then to TEXT.
 * Of columns that are TEXT from their first value it is noted whether all of them are dates or truth values.
 */
export class ColumnTypes {
  readonly #kinds: Uint8Array
  readonly #scales: Uint8Array
  /** What the values of TEXT columns may still be, as contentsOf says it. */
  readonly #contents: Uint16Array

  /** @param asked the type of each column that a person decided; undefined where the values decide */
  constructor(asked: readonly (ColumnType | undefined)[]) {
    this.#kinds = Uint8Array.from(asked, (type) => type === 'TEXT' ? TEXT : type === undefined ? EMPTY : ASKED[type])
    this.#scales = new Uint8Array(asked.length)
    this.#contents = new Uint16Array(asked.length).fill(ANY_CONTENT)
  }

  /**
   * Take one more value of a column into account.
   * @param bytes hold it from `from` to before `to`, in UTF-8
   * @returns whether it fits the column's type so far; once false, the column is TEXT for good
   */
  observe(column: number, bytes: Uint8Array, from: number, to: number): boolean {
    if (from === to) return true
    const kind = this.#kinds[column]!
    if (kind >= ASKED_INTEGER) return true
    if (kind === INTEGER) {
      if (!Number.isNaN(exactInteger(bytes, from, to))) return true
    } else if (kind === REAL) {
      if (exactDecimalScale(bytes, from, to) === this.#scales[column]) return true
    } else if (kind === EMPTY) {
      const scale = Number.isNaN(exactInteger(bytes, from, to)) ? exactDecimalScale(bytes, from, to) : 0
      this.#kinds[column] = scale === 0 ? INTEGER : scale > 0 ? REAL : TEXT
      this.#scales[column] = Math.max(scale, 0)
      if (scale < 0) this.#contents[column]! &= contentsOf(bytes, from, to)
      return true
    } else {
      this.#contents[column]! &= contentsOf(bytes, from, to)
      return true
    }
    this.#kinds[column] = TEXT
    this.#scales[column] = 0
    this.#contents[column] = 0
    return false
  }

  /** Whether no further value can change what is known of the column. */
  isSettled(column: number): boolean {
    return this.#kinds[column] === TEXT && this.#contents[column] === 0
  }

  /** The column's type as all values so far allow it; TEXT where all were empty. */
  type(column: number): ColumnType {
    const kind = this.#kinds[column]
    return kind === INTEGER || kind === ASKED_INTEGER ? 'INTEGER' : kind === REAL || kind === ASKED_REAL ? 'REAL' : 'TEXT'
  }

  /** Digits after the point of all values so far of a REAL column. */
  scale(column: number): number {
    return this.#scales[column]!
  }

  /** Whether a person decided the column's type, so that its values may be written in other ways too. */
  isAskedFor(column: number): boolean {
    return this.#kinds[column]! >= ASKED_INTEGER
  }

  /** Whether no value has been seen yet that says anything about the type. */
  isUndecided(column: number): boolean {
    return this.#kinds[column] === EMPTY
  }

  describe(names: readonly string[]): ColumnInfo[] {
    return names.map((name, column) => {
      const type = this.type(column)
      const content = this.#kinds[column] === TEXT ? contentOf(this.#contents[column]!) : undefined
      return { name, type, ...(this.#kinds[column] === REAL && { scale: this.#scales[column]! }), ...(content && { content }) }
    })
  }
}
