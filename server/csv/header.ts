import { isValueKind } from './cell-kinds.ts'
import type { SampleCell, SampleRow } from './sample.ts'

/** Rows below that are looked at. */
const MAX_BODY_ROWS = 200

/** Share of a column's values that have to be of one kind before it says anything about the cell above. */
const MIN_SHARE = 0.9

/** How many times more columns have to speak against a header than for it. */
const MARGIN = 3

/**
 * What the columns below say about the first row: how many of them look like it, and how many differ from it as values
 * differ from a name.
 */
export function headerVotes([first, ...rows]: readonly SampleRow[]): { forHeader: number, against: number } {
  const body = rows.slice(0, MAX_BODY_ROWS)
  const votes = { forHeader: 0, against: 0 }
  const isSeries = isSeriesOfNames(first!, body)
  if (isSeries) votes.forHeader++
  for (const [column, cell] of first!.cells.entries()) {
    if (cell.kind === 'empty' || cell.kind === 'missing') continue
    if (isSeries && cell.kind === 'number') continue
    const below = body.flatMap((row) => {
      const value = row.cells[column]
      return value && value.kind !== 'empty' && value.kind !== 'missing' ? [value] : []
    })
    if (below.length === 0) continue
    const kind = commonest(below.map((value) => value.kind))
    if (kind.share >= MIN_SHARE && isValueKind(kind.value)) {
      if (cell.kind === kind.value) votes.against++
      else votes.forHeader++
      continue
    }
    // Codes of one shape, such as CVE-2024-1234.
    if (below.length < 3) continue
    const shape = commonest(below.map(shapeOf))
    if (shape.share >= MIN_SHARE && shape.value.includes('9')) {
      if (shapeOf(cell) === shape.value) votes.against++
      else votes.forHeader++
    }
  }
  return votes
}

/** Whether the first row holds names. It does unless its columns say otherwise: a name lost is worse than one too many. */
export function hasHeader(rows: readonly SampleRow[]): boolean {
  const [first, ...body] = rows
  if (!first) return true
  if (body.length === 0) {
    const filled = first.cells.filter(({ kind }) => kind !== 'empty')
    const values = filled.filter(({ kind }) => isValueKind(kind)).length
    return values * 2 <= filled.length || isSeriesOfNames(first, [])
  }
  const { forHeader, against } = headerVotes(rows)
  return against === 0 || against < forHeader * MARGIN
}

function commonest<T>(values: readonly T[]): { value: T, share: number } {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const [value, count] = [...counts].reduce((best, entry) => entry[1] > best[1] ? entry : best)
  return { value, share: count / values.length }
}

/** Digits as 9, letters as a, the rest as it is. */
function shapeOf({ text }: SampleCell): string {
  return text.slice(0, 100).trim().replace(/\p{L}+/gu, 'a').replace(/\d+/g, '9')
}

/**
 * Whether the numbers among the first row's cells are names, such as years: they rise evenly as numbers below them do not.
 */
function isSeriesOfNames(first: SampleRow, body: readonly SampleRow[]): boolean {
  const series = seriesOf(first)
  return series !== undefined && (body.length === 0 || body.filter((row) => seriesOf(row) === series).length * 2 < body.length)
}

function seriesOf({ cells }: SampleRow): 'years' | 'even' | 'rising' | undefined {
  const numbers = cells.filter(({ kind }) => kind === 'number').map(({ text }) => Number(text.trim()))
  if (numbers.length < 2 || numbers.some((number) => Number.isNaN(number))) return undefined
  const steps = numbers.slice(1).map((number, index) => number - numbers[index]!)
  const rises = steps.every((step) => step > 0)
  const areYears = numbers.every((number) => Number.isInteger(number) && number >= 1900 && number <= 2100)
  if (areYears) return rises || steps.every((step) => step < 0) ? 'years' : undefined
  if (!rises) return undefined
  if (numbers.length >= 3 && steps.every((step) => Math.abs(step - steps[0]!) < 1e-9)) return 'even'
  return numbers.length >= 4 && numbers.length < cells.length ? 'rising' : undefined
}
