import { delimitersOf, type Syntax } from './syntax.ts'

const LF = 10
const CR = 13

/**
 * Walks over one record of a text at a time and notes where its fields lie.
 *
 * A quote closes a field only right before a delimiter, a line end or the end of the file; any other quote inside is
 * text. In a file of LF or CRLF lines a lone CR is text; in one of CR lines every kind of line break ends a record.
 * However many quotes are left open, the text is searched for their ends once.
 */
export class RecordWalker {
  readonly #text: string
  readonly #isLast: boolean
  readonly #delimiters: readonly string[]
  /** The characters that a delimiter begins with; the same where there is but one. */
  readonly #firstCode: number
  readonly #otherCode: number
  readonly #quote: string
  readonly #escape: string
  readonly #isCrFile: boolean
  /** A quote opened between these two positions closes at the second, or never if that is the text's end. */
  #searchedFrom = 0
  #searchedTo = 0
  /** The last quote between them that closes nothing. */
  #lastStray = -1

  /** Fields of the record walked over last. */
  count = 0
  /** Where each of them begins and ends, the quotes around it left out. */
  readonly starts: number[] = []
  readonly stops: number[] = []
  readonly isQuoted: boolean[] = []
  /** Where it ends: its text, and the line break after it. */
  contentEnd = 0
  end = 0
  /** Whether its end is in the text; it is not where a quoted field of it does not close there. */
  isComplete = false
  /** Whether a quoted field of it holds a line break. */
  isMultiLine = false
  /** Whether a quote stands inside a quoted field without closing it. */
  hasStrayQuotes = false

  /** @param isLast whether the file ends with this text, so that its last record needs no line end */
  constructor(text: string, { delimiter, quote, escape, newline }: Syntax, isLast: boolean) {
    this.#text = text
    this.#isLast = isLast
    this.#delimiters = delimitersOf(delimiter)
    this.#firstCode = delimiter.charCodeAt(0)
    this.#otherCode = this.#delimiters.at(-1)!.charCodeAt(0)
    this.#quote = quote
    this.#escape = escape
    this.#isCrFile = newline === '\r'
  }

  /** Length of the line break at a position, 0 where there is none; -1 where that cannot be told yet. */
  lineBreakAt(at: number): number {
    const code = this.#text.charCodeAt(at)
    if (code === LF) return 1
    if (code !== CR) return 0
    if (at + 1 === this.#text.length && !this.#isLast) return -1
    if (this.#text.charCodeAt(at + 1) === LF) return 2
    return this.#isCrFile ? 1 : 0
  }

  /** Length of the delimiter at a position, 0 where there is none. */
  #delimiterAt(at: number): number {
    const code = this.#text.charCodeAt(at)
    const found = code === this.#firstCode || code === this.#otherCode
      ? this.#delimiters.find((delimiter) => this.#text.startsWith(delimiter, at))
      : undefined
    return found === undefined ? 0 : found.length
  }

  /** Walk over the record that begins at a position, which is no line break. */
  walk(from: number, isPlain = false): void {
    const text = this.#text
    const length = text.length
    const quoteCode = isPlain || this.#quote === '' ? -1 : this.#quote.charCodeAt(0)
    this.count = 0
    this.isComplete = false
    this.isMultiLine = false
    this.hasStrayQuotes = false
    let at = from
    for (;;) {
      const isQuoted = text.charCodeAt(at) === quoteCode
      const start = isQuoted ? at + 1 : at
      if (isQuoted) {
        at = this.#closingQuote(at)
        if (at === -1) return
        if (!this.isMultiLine) this.isMultiLine = hasLineBreak(text, start, at)
      } else {
        at = this.#fieldEnd(at)
      }
      this.starts[this.count] = start
      this.stops[this.count] = at
      this.isQuoted[this.count] = isQuoted
      this.count++
      if (isQuoted) at++
      const delimiter = at < length ? this.#delimiterAt(at) : 0
      if (delimiter > 0) {
        at += delimiter
        if (at < length || this.#isLast) continue
        return
      }
      const lineBreak = at < length ? this.lineBreakAt(at) : 0
      this.contentEnd = at
      this.end = at + Math.max(0, lineBreak)
      this.isComplete = lineBreak > 0 || (this.#isLast && at === length)
      return
    }
  }

  /** Where a field without quotes ends. */
  #fieldEnd(from: number): number {
    const text = this.#text
    const length = text.length
    const isSingle = this.#delimiters.length === 1 && this.#delimiters[0]!.length === 1
    for (let at = from; at < length; at++) {
      const code = text.charCodeAt(at)
      if (code === this.#firstCode || code === this.#otherCode) {
        if (isSingle || this.#delimiterAt(at) > 0) return at
      } else if (code === LF || code === CR) {
        if (this.lineBreakAt(at) !== 0) return at
      }
    }
    return length
  }

  /** Position of the quote that closes the field opened at `open`; -1 where it is not in the text. */
  #closingQuote(open: number): number {
    const text = this.#text
    const quote = this.#quote
    const isDoubled = this.#escape === quote
    let isFirstRun = true
    let lastStray = -1
    for (let next = open + 1; ;) {
      const found = text.indexOf(quote, next)
      if (found === -1) return this.#remember(open, text.length, lastStray, false)
      // Quotes that stand right behind the opening one belong to it; what follows them reads the same for every quote opened before.
      if (isFirstRun && found !== next && this.#searchedFrom < open && open < this.#searchedTo && found < this.#searchedTo) {
        if (this.#lastStray >= found) this.hasStrayQuotes = true
        next = this.#searchedTo
        isFirstRun = false
        if (next >= text.length) return -1
        continue
      }
      isFirstRun &&= found === next
      const after = found + 1
      if (isDoubled && text.startsWith(quote, after)) {
        next = after + 1
      } else if (!isDoubled && this.#isEscaped(found, open)) {
        next = after
      } else if (after === text.length) {
        return this.#isLast ? this.#remember(open, found, lastStray, true) : -1
      } else if (this.#endsField(after)) {
        return this.#remember(open, found, lastStray, true)
      } else if (!this.#isLast && text.length - after < Math.max(this.#delimiters[0]!.length, 2)) {
        // The other half of a CRLF or of a long delimiter may be on its way.
        return -1
      } else {
        this.hasStrayQuotes = true
        lastStray = found
        next = after
      }
    }
  }

  #remember(open: number, to: number, lastStray: number, isClosed: boolean): number {
    if (open < this.#searchedFrom || open > this.#searchedTo || to > this.#searchedTo) {
      this.#searchedFrom = open
      this.#searchedTo = to
      this.#lastStray = lastStray
    }
    return isClosed ? to : -1
  }

  #endsField(at: number): boolean {
    return this.#delimiterAt(at) > 0 || this.lineBreakAt(at) > 0
  }

  #isEscaped(position: number, opened: number): boolean {
    let before = position - 1
    while (before > opened && this.#text[before] === this.#escape) before--
    return (position - before) % 2 === 0
  }
}

function hasLineBreak(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code === LF || code === CR) return true
  }
  return false
}
