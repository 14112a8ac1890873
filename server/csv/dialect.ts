import type { Dialect } from '../protocol.ts'
import { isValueKind, type CellKind } from './cell-kinds.ts'
import { hasHeader, headerVotes } from './header.ts'
import { readSample, type SampleRow } from './sample.ts'
import { countLines, delimitersOf } from './syntax.ts'

/** Delimiters that are tried, and how likely each is before anything is known of the file. */
const DELIMITERS: readonly (readonly [string, number])[] = [
  [',', 1], [';', 1], ['\t', 1], ['|', 1], ['~', 0.95], ['^', 0.95], ['\u0001', 1], ['\u001f', 1], ['¦', 0.95], ['§', 0.9],
  ['||', 1], ['::', 0.9], ['~|~', 1], ['|~|', 1], ['#', 0.7], ['*', 0.6], ['/', 0.5], [':', 0.85], [' ', 0.9],
]

/** Signs that text is full of: they are delimiters only where every row has as many, and its cells are values. */
const IN_TEXT: ReadonlySet<string> = new Set([' ', ':', '#', '*', '/'])

/** Share of delimiters that a space follows, or stands on both sides of, before it belongs to them. */
const SPACED_SHARE = 0.9

/** Lines by which it is told which signs may be delimiters at all. */
const LINES_LOOKED_AT = 40

/** Lines above a table that are looked through for its beginning. */
const MAX_PREAMBLE_ROWS = 60

/** What a cell of each kind says for the dialect that cut it out. */
const TRUST: Readonly<Record<CellKind, number>> = { number: 1, date: 1, time: 1, boolean: 1, address: 1, missing: 0.9, text: 0.85, empty: 0.75, odd: 0.25 }

/** A way to read the sample, and how well it explains it. */
interface Reading {
  delimiter: string
  quote: string
  escape: string
  newline: Dialect['newline']
  rows: SampleRow[]
  /** Rows above the table. */
  preamble: number
  width: number
  /** Share of the rows that have that many fields. */
  consistency: number
  score: number
}

/**
 * How a file's text is to be read: what makes its rows alike and its cells look like values. As in the data consistency
 * measure of van den Burg et al. (https://doi.org/10.1007/s10618-019-00646-y), both are multiplied.
 * @param sample the file's first part
 * @param given what the person has decided; it is not guessed again
 */
export function detectDialect(sample: string, encoding: string, given: Partial<Dialect>): Dialect {
  const isCr = isCrOnly(sample)
  const hint = given.skipLines === undefined ? excelHint(sample) : undefined
  const linesAbove = given.skipLines ?? (hint ? 1 : 0)
  const text = withoutLines(sample, linesAbove, isCr ? '\r' : '\n')
  const asked = hint && given.delimiter === undefined ? { ...given, delimiter: hint } : given
  const best = bestReading(text, asked)
  const above = given.skipLines !== undefined || best.preamble === 0
    ? 0
    : countLines(text.slice(0, best.rows[best.preamble]!.start), best.newline)
  return {
    delimiter: best.delimiter,
    quote: best.quote,
    escape: best.escape,
    newline: best.newline === '\r' ? '\r' : newlineOf(text),
    encoding,
    header: given.header ?? hasHeader(best.rows.slice(best.preamble)),
    skipLines: linesAbove + above,
  }
}

/** The delimiter that Excel was told in a first line such as `sep=;`. */
function excelHint(sample: string): string | undefined {
  return /^"?sep=([^"\r\n]{1,2})"?[\r\n]/i.exec(sample)?.[1]
}

function withoutLines(text: string, lines: number, newline: string): string {
  let from = 0
  for (let line = 0; line < lines; line++) {
    const end = text.indexOf(newline, from)
    if (end === -1) return ''
    from = end + 1
  }
  return text.slice(from)
}

const isCrOnly = (sample: string): boolean => !sample.includes('\n') && sample.includes('\r')

/** The line end that most lines have, in a text whose lines do not end with a lone CR. */
function newlineOf(text: string): Dialect['newline'] {
  let lf = 0
  let crlf = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    if (text[at - 1] === '\r') crlf++
    else lf++
  }
  return crlf > lf ? '\r\n' : '\n'
}

function bestReading(text: string, given: Partial<Dialect>): Reading {
  const newlines: Dialect['newline'][] = given.newline ? [given.newline] : isCrOnly(text) ? ['\r'] : /\r(?!\n)/.test(text) ? ['\n', '\r'] : ['\n']
  let best: Reading | undefined
  for (const newline of newlines) {
    const reading = bestDelimiter(text, newline, given)
    // A lone CR among other line ends is text, unless rows become clearly more alike where it ends one.
    if (!best || reading.score > best.score * 1.05) best = reading
  }
  return best!
}

function bestDelimiter(text: string, newline: Dialect['newline'], given: Partial<Dialect>): Reading {
  if (given.delimiter !== undefined) return bestQuoting(text, given.delimiter, newline, given)
  const lines = text.split(newline === '\r' ? /[\r\n]/ : '\n').filter((line) => line.trim() !== '').slice(0, LINES_LOOKED_AT)
  const single = singleColumn(text, newline, given)
  const readings: Reading[] = [single]
  for (const [delimiter, prior] of DELIMITERS) {
    if (!occursOften(delimiter, lines)) continue
    let reading = bestQuoting(text, delimiter, newline, given)
    for (const form of [`${delimiter} `, ` ${delimiter} `]) {
      if (!isSpaced(text, delimiter, form)) continue
      const spaced = bestQuoting(text, form, newline, given)
      if (spaced.consistency >= reading.consistency - 0.02 && spacedShare(text, spaced) >= SPACED_SHARE) reading = spaced
    }
    if (reading.width < 2 || (IN_TEXT.has(delimiter) && !isTableOfValues(reading, single))) continue
    if (delimiter === '|' && isDoubled(text, '|')) continue
    if (delimiter === ':' && isDoubled(text, ':')) continue
    if (reading.preamble === 1 && isListUnderItsName(reading, single)) continue
    readings.push({ ...reading, score: reading.score * prior })
  }
  const best = readings.reduce((winner, reading) => reading.score > winner.score ? reading : winner)
  // What takes in every line explains more than what has to leave out the first.
  const whole = readings.find((reading) => reading.preamble === 0 && reading.width > 1 && reading.consistency >= 0.95 && reading.score >= best.score * 0.7)
  return best.preamble > 0 && whole ? whole : best
}

/** The text as one column, with the delimiter that does least harm. */
function singleColumn(text: string, newline: Dialect['newline'], given: Partial<Dialect>): Reading {
  const delimiter = [',', ';', '\t', '|', '\u001f'].find((sign) => !text.includes(sign)) ?? '\u001f'
  const reading = bestQuoting(text, delimiter, newline, given)
  // 1,5 may be one number, but 3,4 below 1,2 is rather two.
  const cells = reading.rows.flatMap((row) => row.cells)
  const doubtful = cells.filter((cell) => cell.kind === 'number' && !cell.isQuoted && /[,; ]/.test(cell.text.trim())).length
  return { ...reading, score: reading.score * (1 - 0.6 * (doubtful / Math.max(cells.length, 1))) }
}

/** Whether a sign stands in enough of the lines to be worth a closer look. */
function occursOften(delimiter: string, lines: readonly string[]): boolean {
  const share = delimiter.length > 1 || IN_TEXT.has(delimiter) ? 0.5 : 0.1
  return lines.filter((line) => line.includes(delimiter)).length > (lines.length - 1) * share
}

/** Whether the sign stands in pairs only. */
function isDoubled(text: string, sign: string): boolean {
  const doubled = text.split(sign + sign).length - 1
  return doubled > 0 && text.split(sign).length - 1 === doubled * 2
}

/** Whether a delimiter has those spaces about it often enough to be worth a closer look. */
const isSpaced = (text: string, delimiter: string, spaced: string): boolean =>
  delimiter.trim() !== '' && (text.split(spaced).length - 1) >= (text.split(delimiter).length - 1) * 0.3

/** Share of the delimiters between fields that have all their spaces, line ends left out. */
function spacedShare(text: string, { rows, delimiter }: Reading): number {
  const delimiters = delimitersOf(delimiter)
  let all = 0
  let spaced = 0
  for (const { cells, start } of rows) {
    let at = start
    for (const [index, cell] of cells.slice(0, -1).entries()) {
      at += cell.text.length + (cell.isQuoted ? 2 : 0)
      const isLastEmpty = index === cells.length - 2 && cells[index + 1]!.text === '' && !cells[index + 1]!.isQuoted
      const found = delimiters.find((form) => text.startsWith(form, at))
      at += found?.length ?? 0
      // The space before it may have gone with the delimiter before an empty cell.
      const isSpaceGone = cell.text === '' && !cell.isQuoted && found === delimiter.trimStart()
      if ((isLastEmpty || isSpaceGone) && found !== delimiter) continue
      all++
      if (found === delimiter) spaced++
    }
  }
  return all === 0 ? 0 : spaced / all
}

/** Whether every row has as many fields and a column of them is no text, or all are quoted, as in logs. */
function isTableOfValues({ rows, width, consistency, preamble, delimiter }: Reading, single: Reading): boolean {
  // The header that R writes lacks the name of the rows' names.
  const isHeaderShort = rows[0]!.count === width - 1 && rows.length > 2
  if (preamble > 0 || (rows[0]!.count !== width && !isHeaderShort) || rows.length < 2) return false
  if (consistency < (isHeaderShort ? 0.7 : 0.95) || (delimiter === ':' && cutsTimes(rows)) || holdsRule(rows, width)) return false
  const cells = rows.flatMap((row) => row.cells)
  const empty = cells.filter(({ kind }) => kind === 'empty').length
  if (empty > cells.length * (delimiter === ':' ? 0.25 : 0.05)) return false
  const lines = single.rows.filter((row) => row.cells.length === 1 && isValueKind(row.cells[0]!.kind)).length
  if (lines >= (rows.length - 1) * 0.9) return false
  const body = rows.slice(1)
  for (let column = 0; column < width; column++) {
    const values = body.map((row) => row.cells[column]).filter((cell) => cell !== undefined)
    if (values.filter(({ kind, isQuoted }) => isValueKind(kind) || isQuoted).length >= Math.max(1, values.length * 0.9)) return true
  }
  return (width >= 4 || (width === 3 && delimiter === ':')) && rows.length >= 5
}

/** Whether one column is nothing but a sign, which is rather the delimiter: `a | b` cut at its spaces. */
function holdsRule(rows: readonly SampleRow[], width: number): boolean {
  return Array.from({ length: width }, (_, column) => column).some((column) => {
    const sign = rows[0]!.cells[column]?.text
    return sign !== undefined && DELIMITERS.some(([delimiter]) => delimiter === sign) && rows.every(({ cells }) => cells[column]?.text === sign)
  })
}

/** Whether most rows were cut inside a time of day. */
function cutsTimes(rows: readonly SampleRow[]): boolean {
  const cut = rows.filter(({ cells }) => cells.some((cell, index) => {
    const next = cells[index + 1]
    if (!next || cell.isQuoted || next.isQuoted || !/^\d\d/.test(next.text)) return false
    return /[ T]\d{1,2}$/.test(cell.text) || (index === 0 && /^\d{1,2}$/.test(cell.text) && /^\d\d(?:[.,]\d+)? +\S/.test(cells[2]?.text ?? next.text))
  }))
  return cut.length * 2 > rows.length
}

/** Whether what looks like a title above two columns is the name of one column of text: `name`, `Smith, John`. */
function isListUnderItsName(reading: Reading, single: Reading): boolean {
  if (reading.width !== 2 || single.width !== 1) return false
  const table = reading.rows.slice(reading.preamble)
  if (headerVotes(table).forHeader > 0) return false
  const cells = single.rows.flatMap((row) => row.cells)
  return cells.filter(({ kind }) => kind !== 'odd').length >= cells.length * 0.9
}

function bestQuoting(text: string, delimiter: string, newline: Dialect['newline'], given: Partial<Dialect>): Reading {
  const read = (quote: string, escape: string): Reading => judge({ delimiter, quote, escape, newline }, readSample(text, { delimiter, quote, escape, newline }))
  const withEscape = (quote: string): Reading => {
    if (given.escape !== undefined || quote === '') return read(quote, given.escape ?? quote)
    const doubled = read(quote, quote)
    if (!text.includes(`\\${quote}`)) return doubled
    const backslash = read(quote, '\\')
    return escapesWithBackslash(doubled, backslash) ? backslash : doubled
  }
  if (given.quote !== undefined) return withEscape(given.quote)
  const double = withEscape('"')
  const quoted = double.rows.filter((row) => row.cells.some(({ isQuoted }) => isQuoted)).length
  const broken = double.rows.filter(({ isBroken }) => isBroken).length
  let best = quoted === 0 && broken > 1 ? withEscape('') : double
  if (mayBeQuotes('\'', text, delimiter)) {
    const single = withEscape('\'')
    if (quotesWithApostrophes(single, double)) best = single
  }
  return best
}

/** Whether the sign opens a field somewhere and closes one somewhere. */
function mayBeQuotes(quote: string, text: string, delimiter: string): boolean {
  const closesBefore = [...delimitersOf(delimiter), '\n', '\r']
  const opens = text.startsWith(quote) || text.includes(delimiter + quote) || text.includes(`\n${quote}`) || text.includes(`\r${quote}`)
  return opens && (text.endsWith(quote) || closesBefore.some((end) => text.includes(quote + end)))
}

/**
 * Whether a backslash makes a quote inside a field literal: it stands before quotes in the midst of fields, and rows
 * become no less alike.
 */
function escapesWithBackslash(doubled: Reading, backslash: Reading): boolean {
  if (backslash.consistency < doubled.consistency) return false
  let escaped = 0
  for (const { cells } of backslash.rows) for (const cell of cells) if (cell.isQuoted && cell.text.includes(`\\${backslash.quote}`)) escaped++
  let twice = 0
  for (const { cells } of doubled.rows) {
    for (const cell of cells) if (cell.isQuoted && cell.text.replaceAll(`\\${doubled.quote}`, '').includes(doubled.quote + doubled.quote)) twice++
  }
  return escaped > 0 && (twice === 0 || backslash.consistency > doubled.consistency + 0.05) && escaped > twice
}

/**
 * Whether apostrophes are this file's quotes and no text: they stand around all values of a column, or around just
 * those that need quotes.
 */
function quotesWithApostrophes(single: Reading, double: Reading): boolean {
  const { rows, preamble, delimiter, consistency } = single
  const table = rows.slice(preamble)
  const quoted = table.flatMap(({ cells }) => cells.filter(({ isQuoted, text }) => isQuoted && text !== ''))
  if (quoted.length === 0 || consistency < double.consistency) return false
  const bare = delimitersOf(delimiter).at(-1)!
  const needsQuotes = quoted.filter(({ text }) => text.includes(bare) || /[\r\n']/.test(text)).length
  if (needsQuotes === quoted.length || (consistency > double.consistency && needsQuotes >= quoted.length * 0.5)) return true
  const doubles = double.rows.flatMap(({ cells }) => cells.filter(({ isQuoted }) => isQuoted)).length
  if (doubles > quoted.length) return false
  const body = table.length > 1 ? table.slice(1) : table
  const widest = Math.max(...table.map(({ cells }) => cells.length))
  for (let column = 0; column < widest; column++) {
    const values = body.map(({ cells }) => cells[column]).filter((cell) => cell !== undefined && cell.text !== '')
    const wrapped = values.filter((cell) => cell!.isQuoted).length
    if (wrapped >= 2 && wrapped >= values.length * 0.9) return true
  }
  return body.length === 1 && table.every(({ cells }) => cells.every(({ isQuoted }) => isQuoted))
}

function judge(syntax: Pick<Reading, 'delimiter' | 'quote' | 'escape' | 'newline'>, rows: SampleRow[]): Reading {
  const width = commonWidth(rows)
  const preamble = width > 1 ? preambleRows(rows, width) : 0
  const table = rows.slice(preamble)
  let fitting = 0
  for (const { count, filledCount } of table) {
    if (count === width || (count > width && filledCount <= width)) fitting++
    else if (count > 1) fitting += 0.3
  }
  const consistency = table.length === 0 ? 0 : fitting / table.length
  let trust = 0
  let cells = 0
  for (const row of rows) {
    for (const cell of row.cells) {
      const hasSpaces = !cell.isQuoted && cell.text !== '' && cell.text !== cell.text.trim()
      trust += TRUST[cell.kind] - (hasSpaces ? 0.1 : 0)
      cells++
    }
  }
  // A CR in a cell that is not quoted is rather a line end.
  const withCr = rows.filter((row) => row.cells.some(({ text, isQuoted }) => !isQuoted && text.includes('\r'))).length
  // A title that holds other delimiters is rather the header of another reading.
  const isOddTitle = rows.slice(0, preamble).some((row) => row.cells.some(({ kind }) => kind === 'odd'))
  const sound = 1 - 0.8 * (withCr / Math.max(rows.length, 1))
  const score = consistency ** 2 * (width / (width + 1)) * (cells === 0 ? 0 : trust / cells) * (isOddTitle ? 0.75 : preamble > 0 ? 0.9 : 1) * sound
  return { ...syntax, rows, preamble, width, consistency, score }
}

/** The number of fields that most rows have, rows of one field left out. */
function commonWidth(rows: readonly SampleRow[]): number {
  const counts = new Map<number, number>()
  for (const { count } of rows) if (count > 1) counts.set(count, (counts.get(count) ?? 0) + 1)
  let best: readonly [number, number] = [1, 0]
  for (const entry of counts) if (entry[1] > best[1] || (entry[1] === best[1] && entry[0] > best[0])) best = entry
  return best[0]
}

/** Rows above the table: those with at most one filled cell, comments, and pairs of a word and its value. */
function preambleRows(rows: readonly SampleRow[], width: number): number {
  let start = 0
  const isTitle = (row: SampleRow): boolean => row.filled <= 1 || (row.cells[0]!.text.startsWith('#') && row.count !== width)
  while (start < Math.min(rows.length, MAX_PREAMBLE_ROWS) && isTitle(rows[start]!)) start++
  if (start === rows.length) return 0
  start = afterPairs(rows, start, width)
  const table = rows.slice(start)
  const isConsistent = table.filter(({ count }) => count === width).length >= table.length * 0.7
  return isConsistent && (table.length > 1 || width > 2) ? start : 0
}

/** Past rows that are narrower than the header below them, if they are: `Date;2024-01-05` above a table of six columns. */
function afterPairs(rows: readonly SampleRow[], start: number, width: number): number {
  if (rows[start]!.count >= width || width < 3) return start
  const until = rows.slice(0, MAX_PREAMBLE_ROWS).findIndex(({ count }, index) => index > start && count === width)
  const block = rows.slice(until, until + 3)
  if (until === -1 || block.length < 2 || !block.every(({ count }) => count === width)) return start
  const pairs = rows.slice(start, until)
  const header = block[0]!
  if (header.filled < width || isValueKind(header.cells[0]!.kind) || !hasHeader(rows.slice(until))) return start
  const areNarrow = pairs.every(({ filledCount, filled }) => filledCount <= width / 2 || filled <= 1)
  return areNarrow || headerVotes(rows.slice(until)).forHeader > 0 ? until : start
}
