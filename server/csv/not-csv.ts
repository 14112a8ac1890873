/** First bytes of formats that people mistake for CSV, and what to tell them. */
const SIGNATURES: readonly { bytes: readonly number[], at?: number, what: string }[] = [
  { bytes: [0x50, 0x4b, 0x03, 0x04], what: 'an Excel workbook or a ZIP archive. Open it and save the sheet as CSV' },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0], what: 'an old Excel workbook. Open it and save the sheet as CSV' },
  { bytes: [0x1f, 0x8b], what: 'a gzip archive. Unpack it first' },
  { bytes: [0x42, 0x5a, 0x68], what: 'a bzip2 archive. Unpack it first' },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: 'an xz archive. Unpack it first' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: 'a Zstandard archive. Unpack it first' },
  { bytes: [0x37, 0x7a, 0xbc, 0xaf], what: 'a 7-Zip archive. Unpack it first' },
  { bytes: [0x89, 0x50, 0x4e, 0x47], what: 'a PNG picture' },
  { bytes: [0xff, 0xd8, 0xff], what: 'a JPEG picture' },
  { bytes: [0x47, 0x49, 0x46, 0x38], what: 'a GIF picture' },
  { bytes: [0x25, 0x50, 0x44, 0x46], what: 'a PDF document' },
  { bytes: [0x50, 0x41, 0x52, 0x31], what: 'a Parquet file' },
  { bytes: [0x7f, 0x45, 0x4c, 0x46], what: 'a program' },
  { bytes: [...Buffer.from('SQLite format 3\0')], what: 'an SQLite database' },
]

/** Control characters that separate fields in exports of some systems. They have the share of NUL. */
const SEPARATORS: ReadonlySet<number> = new Set([0x01, 0x1c, 0x1d, 0x1e, 0x1f])

/** Share of control characters above which bytes are not text. Text has next to none; compressed data about a tenth. */
const MAX_CONTROL_SHARE = 0.05

/** NUL has a share of its own: old systems pad fields with it. */
const MAX_NUL_SHARE = 0.3

/** How text begins that is meant for another program. */
const OTHER_TEXT: readonly { beginning: RegExp, what: string }[] = [
  { beginning: /^(?:<!doctype html|<html[\s>])/i, what: 'a web page. A sign-in page is sometimes saved in place of an export' },
  { beginning: /^<\?xml\s/i, what: 'an XML document. Open it in a spreadsheet and save the sheet as CSV' },
  { beginning: /^\[\s*\{\s*"/, what: 'JSON. Convert it to CSV first' },
  { beginning: /^\{\\rtf/, what: 'a text document. Save it as plain text' },
]

/** Bytes in which such a beginning shows. */
const BEGINNING_BYTES = 200

/**
 * Why a file cannot be CSV, if its first bytes show it, as sentences with what to do. UTF-16 text, with or without a byte
 * order mark, is text although every second byte of it may be 0.
 * @returns null where it may be CSV
 */
export function whyNotCsv(head: Uint8Array): string | null {
  const known = SIGNATURES.find(({ bytes, at = 0 }) => bytes.every((byte, index) => head[at + index] === byte))
  if (known) return `The file is not text. It looks like ${known.what}.`
  const utf16 = looksLikeUtf16(head)
  if (!utf16 && holdsControls(head)) return 'The file is not text. It looks like binary data.'
  const beginning = new TextDecoder(utf16 ?? 'utf-8').decode(head.subarray(0, BEGINNING_BYTES)).trimStart()
  const other = OTHER_TEXT.find((text) => text.beginning.test(beginning))
  return other ? `The file is not CSV. It looks like ${other.what}.` : null
}

function holdsControls(head: Uint8Array): boolean {
  let controls = 0
  let nuls = 0
  for (const byte of head) {
    if (byte === 0 || SEPARATORS.has(byte)) nuls++
    else if (byte < 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1b && byte !== 0x1a) controls++
  }
  return controls > head.length * MAX_CONTROL_SHARE || nuls > head.length * MAX_NUL_SHARE
}

/** Whether the bytes begin with a UTF-16 byte order mark, or have zeros at nearly all even or nearly all odd places. */
export function looksLikeUtf16(head: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  const zeros = [0, 0]
  for (let at = 0; at < head.length; at++) if (head[at] === 0) zeros[at % 2]!++
  const half = head.length / 2
  if (head.length < 4) return null
  if (zeros[1]! > half * 0.7 && zeros[0]! < half * 0.05) return 'utf-16le'
  if (zeros[0]! > half * 0.7 && zeros[1]! < half * 0.05) return 'utf-16be'
  return null
}
