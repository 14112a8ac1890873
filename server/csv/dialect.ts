import type { Dialect } from '../protocol.ts'
import { looksLikeUtf16 } from './binary.ts'
import { RecordReader } from './record-reader.ts'

const DELIMITERS = [',', ';', '\t', '|'] as const

/** Records of the sample that take part in the comparison of delimiters. */
const MAX_SAMPLE_RECORDS = 500

/** The encoding of a file by its first bytes: byte order mark, then UTF-16 by its zeros, then valid UTF-8, then Windows-1252. */
export function detectEncoding(head: Uint8Array, isWhole: boolean): string {
  const utf16 = looksLikeUtf16(head)
  if (utf16) return utf16
  try {
    // A character cut in half at the end of the sample is no error.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: !isWhole })
    return 'utf-8'
  } catch {
    return 'windows-1252'
  }
}

function detectNewline(sample: string): Dialect['newline'] {
  const lf = sample.indexOf('\n')
  if (lf === -1) return sample.includes('\r') ? '\r' : '\n'
  return sample[lf - 1] === '\r' ? '\r\n' : '\n'
}

/** How well a delimiter explains the sample: share of records with the commonest number of fields, times how many fields. */
function score(sample: string, dialect: Dialect): number {
  const reader = new RecordReader(dialect, Infinity)
  const { records } = reader.push(sample)
  const widths = new Map<number, number>()
  const counted = (records.length > 1 ? records : [...records, ...reader.end().flatMap((batch) => batch.records)]).slice(0, MAX_SAMPLE_RECORDS)
  for (const { length } of counted) widths.set(length, (widths.get(length) ?? 0) + 1)
  const [width, count] = [...widths].reduce((best, entry) => entry[1] > best[1] ? entry : best, [0, 0])
  if (width < 2) return 0
  return (count / counted.length) ** 2 * (1 - 1 / width)
}

/**
 * How a file's text is to be read, by what makes its records consistent.
 * @param given what the person has decided; it is not guessed again
 */
export function detectDialect(sample: string, encoding: string, given: Partial<Dialect>): Dialect {
  const newline = given.newline ?? detectNewline(sample)
  const base = { quote: '"', escape: '"', header: true, skipLines: 0, ...given, newline, encoding }
  const scored = DELIMITERS.map((delimiter) => ({ delimiter, score: given.delimiter === undefined ? score(sample, { ...base, delimiter }) : 0 }))
  const best = scored.reduce((winner, entry) => entry.score > winner.score ? entry : winner)
  return { ...base, delimiter: given.delimiter ?? best.delimiter }
}
