/** A look at a file's first bytes, to refuse what is certainly no text before it is uploaded. The server decides the rest. */

/** How much of the file to look at. */
export const SNIFF_BYTES = 65_536

/** First bytes of formats that hold their text, if any, in another shape. */
const MAGIC: readonly (readonly number[])[] = [
  [0x50, 0x4B, 0x03, 0x04], // ZIP, and so XLSX, ODS and DOCX
  [0x25, 0x50, 0x44, 0x46, 0x2D], // PDF
  [0xD0, 0xCF, 0x11, 0xE0], // XLS and DOC
  [0x1F, 0x8B], // gzip
  [0x28, 0xB5, 0x2F, 0xFD], // zstd
  [0xFD, 0x37, 0x7A, 0x58, 0x5A], // xz
  [0x37, 0x7A, 0xBC, 0xAF], // 7z
  [0x52, 0x61, 0x72, 0x21, 0x1A], // RAR
  [0x89, 0x50, 0x4E, 0x47], // PNG
  [0xFF, 0xD8, 0xFF], // JPEG
  [0x47, 0x49, 0x46, 0x38], // GIF
  [0x7F, 0x45, 0x4C, 0x46], // ELF
]

const startsWith = (bytes: Uint8Array, prefix: readonly number[]): boolean => prefix.every((byte, index) => bytes[index] === byte)

/** True where the bytes cannot be text in any encoding people use. */
export function isBinary(bytes: Uint8Array): boolean {
  if (MAGIC.some((prefix) => startsWith(bytes, prefix))) return true
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

/** Why a file is not worth sending, or undefined where it is. */
export async function whyNotText(file: File): Promise<'empty' | 'binary' | 'unreadable' | undefined> {
  if (file.size === 0) return 'empty'
  try {
    return isBinary(new Uint8Array(await file.slice(0, SNIFF_BYTES).arrayBuffer())) ? 'binary' : undefined
  } catch {
    return 'unreadable'
  }
}
