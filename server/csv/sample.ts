import { kindOf, type CellKind } from './cell-kinds.ts'
import { RecordWalker } from './record-walker.ts'
import { surveyRecords } from './survey.ts'
import type { Syntax } from './syntax.ts'

/** Records of a sample that are looked at cell by cell. */
const MAX_ROWS = 400

/** Cells of a record that are. */
const MAX_CELLS = 200

const SPACE = 32
const TAB = 9
/** The mark that ends files of old systems. */
const END_MARK = 26

export interface SampleCell {
  text: string
  isQuoted: boolean
  kind: CellKind
}

/** A record of a sample as a dialect reads it. */
export interface SampleRow {
  start: number
  end: number
  /** Its fields, and those up to the last one that is not empty. */
  count: number
  filledCount: number
  /** Whether a quote of it never closes, so that it is read as plain text or not at all. */
  isBroken: boolean
  /** The first of its cells. */
  cells: SampleCell[]
  /** How many of its cells are not empty. */
  filled: number
}

/** The records of a sample as a dialect reads them. */
export function readSample(text: string, syntax: Syntax): SampleRow[] {
  const { records } = surveyRecords(text, syntax, { isLast: true, width: undefined, maxLength: Infinity, maxRecords: MAX_ROWS })
  const walker = new RecordWalker(text, syntax, true)
  return records.filter(({ start, contentEnd }) => syntax.delimiter === '\t' || syntax.delimiter === ' ' || !isBlank(text, start, contentEnd)).map(({ start, end, reading }) => {
    const isBroken = reading !== 'quoted'
    walker.walk(start, isBroken)
    const { count, starts, stops, isQuoted } = walker
    const cells: SampleCell[] = []
    let filledCount = 0
    let filled = 0
    for (let index = 0; index < count; index++) {
      if (stops[index]! > starts[index]!) {
        filledCount = index + 1
        filled++
      }
      if (index < MAX_CELLS) {
        const cell = text.slice(starts[index], stops[index])
        cells.push({ text: cell, isQuoted: isQuoted[index]!, kind: kindOf(cell, isQuoted[index]!) })
      }
    }
    return { start, end, count, filledCount, isBroken, cells, filled }
  })
}

function isBlank(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code !== SPACE && code !== TAB && code !== END_MARK) return false
  }
  return true
}
