/** A look at a file's first bytes, to refuse what is certainly no text, or no backup, before it is uploaded. The server decides the rest. */

/** How much of the file to look at. */
export const SNIFF_BYTES = 65_536

const ARCHIVE = 'Unpack it and upload the database inside.'

/** Formats that hold their text, if any, in another shape, by their first bytes. */
const FORMATS: readonly { magic: readonly number[], name: string, advice?: string }[] = [
  { magic: [0x50, 0x4B, 0x03, 0x04], name: 'a ZIP archive', advice: ARCHIVE }, // and so XLSX, ODS and DOCX
  { magic: [0x25, 0x50, 0x44, 0x46, 0x2D], name: 'a PDF' },
  { magic: [0xD0, 0xCF, 0x11, 0xE0], name: 'an Office document' }, // XLS and DOC
  { magic: [0x1F, 0x8B], name: 'a gzip archive', advice: ARCHIVE },
  { magic: [0x28, 0xB5, 0x2F, 0xFD], name: 'a zstd archive', advice: ARCHIVE },
  { magic: [0xFD, 0x37, 0x7A, 0x58, 0x5A], name: 'an xz archive', advice: ARCHIVE },
  { magic: [0x37, 0x7A, 0xBC, 0xAF], name: 'a 7z archive', advice: ARCHIVE },
  { magic: [0x52, 0x61, 0x72, 0x21, 0x1A], name: 'a RAR archive', advice: ARCHIVE },
  { magic: [0x89, 0x50, 0x4E, 0x47], name: 'a PNG image' },
  { magic: [0xFF, 0xD8, 0xFF], name: 'a JPEG image' },
  { magic: [0x47, 0x49, 0x46, 0x38], name: 'a GIF image' },
  { magic: [0x7F, 0x45, 0x4C, 0x46], name: 'a program' },
]

/** What every SQLite database begins with (https://sqlite.org/fileformat.html, "The Database Header"). */
const SQLITE_MAGIC = new TextEncoder().encode('SQLite format 3\0')

const startsWith = (bytes: Uint8Array, prefix: ArrayLike<number>): boolean => Array.from(prefix).every((byte, index) => bytes[index] === byte)

/** True where the bytes cannot be text in any encoding people use. */
export function isBinary(bytes: Uint8Array): boolean {
  if (FORMATS.some(({ magic }) => startsWith(bytes, magic))) return true
  if (startsWith(bytes, [0xFF, 0xFE]) || startsWith(bytes, [0xFE, 0xFF])) return false
  return bytes.includes(0) && !looksLikeUtf16(bytes)
}

/** Text in UTF-16 without a mark has its NULs in every other place: most of one side, none of the other. */
function looksLikeUtf16(bytes: Uint8Array): boolean {
  const nuls = [0, 0]
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] === 0) nuls[index % 2] = (nuls[index % 2] ?? 0) + 1
  }
  const [even = 0, odd = 0] = nuls
  return Math.min(even, odd) === 0 && Math.max(even, odd) > bytes.length / 4
}

/** Why a file is not worth importing, or undefined where it is. A database may be a backup. */
export async function whyNotText(file: File): Promise<'empty' | 'database' | 'binary' | 'unreadable' | undefined> {
  if (file.size === 0) return 'empty'
  try {
    const bytes = new Uint8Array(await file.slice(0, SNIFF_BYTES).arrayBuffer())
    return startsWith(bytes, SQLITE_MAGIC) ? 'database' : isBinary(bytes) ? 'binary' : undefined
  } catch {
    return 'unreadable'
  }
}

/** Why a file cannot be a backup, as sentences, or undefined where it may be one. */
export async function whyNotDatabase(file: File): Promise<string | undefined> {
  if (file.size === 0) return 'It is empty.'
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await file.slice(0, SNIFF_BYTES).arrayBuffer())
  } catch {
    return 'It could not be read.'
  }
  if (startsWith(bytes, SQLITE_MAGIC)) return undefined
  const format = FORMATS.find(({ magic }) => startsWith(bytes, magic))
  if (format) return `It is ${format.name}. ${format.advice ?? 'A backup is an SQLite database.'}`
  return isBinary(bytes) ? 'It is no SQLite database, or an encrypted one.' : 'It is a text file. A backup is an SQLite database; text is imported as a table.'
}
