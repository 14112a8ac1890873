import { createRequire } from 'node:module'
import { looksLikeUtf16 } from './not-csv.ts'

const require = createRequire(import.meta.url)

/** Bytes of lines with other than ASCII characters that take part in the comparison of encodings. */
const MAX_COMPARED_BYTES = 4 * 2 ** 10

/**
 * Bad bytes for each character beyond ASCII in a file that is UTF-8 all the same: its bad bytes are reported, not
 * reinterpreted. Text in another encoding hardly ever happens to be UTF-8, so even few sound characters say much.
 */
const MAX_BROKEN_SHARE = 1

/** How much chardet's statistics weigh against the look of the text, which is between -4 and 1. */
const STATISTICS_WEIGHT = 0.15

interface Candidate {
  /** WHATWG label. */
  label: string
  /** The letters beyond ASCII of each of the languages written in it; all of a script where it is not Latin. */
  languages: readonly RegExp[]
  /** What such a letter counts for. Encodings that are rare have to fit better. */
  weight: number
}

const GERMAN = /[äöüßé]/i
const WESTERN = [
  GERMAN, /[àâçéèêëîïôùûüÿœæ]/i, /[áéíóúñüªº]/i, /[ãõáâàéêíóôúüçªº]/i, /[àèéìòùî]/i, /[åäöæøé]/i, /[áðéíóúýþæö]/i, /[éëïóöüèêáíú]/i, /[àçèéíïòóúü]/i,
]
const CENTRAL = [/[ąćęłńóśźż]/i, /[áčďéěíňóřšťúůýžôľĺŕä]/i, /[áéíóöőúüű]/i, /[ăâîşţ]/i, /[čćđšž]/i, GERMAN]
const CYRILLIC = [/\p{Script=Cyrillic}/u]
const JAPANESE = [/[\u3040-\u30ff\u4e00-\u9fff]/]
const CHINESE = [/[\u4e00-\u9fff]/]

const CANDIDATES: readonly Candidate[] = [
  { label: 'windows-1252', languages: WESTERN, weight: 1 },
  { label: 'iso-8859-15', languages: WESTERN, weight: 0.9 },
  { label: 'windows-1250', languages: CENTRAL, weight: 0.9 },
  { label: 'iso-8859-2', languages: CENTRAL, weight: 0.88 },
  { label: 'windows-1254', languages: [/[çğıöşüİâîû]/i], weight: 0.85 },
  { label: 'windows-1257', languages: [/[ąčęėįšųūž]/i, /[āčēģīķļņšūž]/i, /[äöõüšž]/i], weight: 0.8 },
  { label: 'macintosh', languages: WESTERN, weight: 0.75 },
  { label: 'windows-1251', languages: CYRILLIC, weight: 1 },
  { label: 'koi8-r', languages: CYRILLIC, weight: 0.95 },
  { label: 'iso-8859-5', languages: CYRILLIC, weight: 0.7 },
  { label: 'ibm866', languages: CYRILLIC, weight: 0.7 },
  { label: 'windows-1253', languages: [/\p{Script=Greek}/u], weight: 1 },
  { label: 'windows-1255', languages: [/\p{Script=Hebrew}/u], weight: 1 },
  { label: 'windows-1256', languages: [/\p{Script=Arabic}/u], weight: 0.95 },
  { label: 'windows-874', languages: [/\p{Script=Thai}/u], weight: 0.7 },
  { label: 'shift_jis', languages: JAPANESE, weight: 1 },
  { label: 'gb18030', languages: CHINESE, weight: 0.95 },
  { label: 'euc-kr', languages: [/\p{Script=Hangul}/u], weight: 1 },
  { label: 'euc-jp', languages: JAPANESE, weight: 0.9 },
  { label: 'big5', languages: CHINESE, weight: 0.9 },
]

/** What a letter of another language counts for. */
const FOREIGN_LETTER = -0.2

const LETTER = /\p{L}/u
const LOWER = /\p{Ll}/u
const UPPER = /\p{Lu}/u
const ASCII_LETTER = /[A-Za-z]/
const SEPARATE_SCRIPT = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Thai}]/u
const HALF_WIDTH = /[\uff61-\uff9f]/
const BROKEN = /[\p{Cc}\p{Co}\p{Cn}]/u
const USUAL_SIGN = /[\u2018-\u201e\u2013\u2014\u2022\u2026\u20ac\u00a0\u00a3\u00a7\u00a9\u00ab\u00ae\u00b0\u00bb\u2122\u3000-\u3015\uff01-\uff5e\u00b1-\u00b3\u00b5\u00b7\u00b9\u00bc-\u00bf\u00a1\u00d7]/

/**
 * The encoding of a file by its first bytes: byte order mark, then UTF-16 by its zeros, then valid UTF-8, then whatever
 * makes its other characters look like words.
 * @param isWhole whether the file has no more bytes
 * @returns a label of the WHATWG Encoding Standard
 */
export function detectEncoding(head: Uint8Array, isWhole: boolean): string {
  const utf16 = looksLikeUtf16(head)
  if (utf16) return utf16
  if (isUtf8(head, isWhole)) return usesEscapesOfIso2022Jp(head) ? 'iso-2022-jp' : 'utf-8'
  const lines = linesBeyondAscii(head)
  // Loaded for the few files that need it: its modules are a tenth of the work of importing a small one.
  const chardet = require('chardet') as typeof import('chardet').default
  const statistics = new Map<string, number>()
  for (const { name, confidence } of chardet.analyse(lines)) {
    const label = labelOf(name)
    statistics.set(label, Math.max(statistics.get(label) ?? 0, confidence / 100))
  }
  let best = { label: 'windows-1252', score: -Infinity }
  for (const candidate of CANDIDATES) {
    const text = decodeStrictly(lines, candidate.label)
    if (text === undefined) continue
    const score = likeness(text, candidate) + (statistics.get(candidate.label) ?? 0) * STATISTICS_WEIGHT
    if (score > best.score) best = { label: candidate.label, score }
  }
  return best.label
}

function isUtf8(head: Uint8Array, isWhole: boolean): boolean {
  try {
    // A character cut in half at the end of the sample is no error.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: !isWhole })
    return true
  } catch {
    const text = new TextDecoder('utf-8').decode(head, { stream: !isWhole })
    let broken = 0
    let sound = 0
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === 0xfffd) broken++
      else if (code > 127) sound++
    }
    return broken <= sound * MAX_BROKEN_SHARE
  }
}

/** ISO-2022-JP is ASCII with escape sequences. */
function usesEscapesOfIso2022Jp(head: Uint8Array): boolean {
  return head.includes(0x1b) && /\u001b\$[@B]/.test(Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1'))
}

function linesBeyondAscii(head: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 0
  for (let start = 0; start < head.length && length < MAX_COMPARED_BYTES;) {
    let end = start
    let isAscii = true
    for (; end < head.length; end++) {
      const byte = head[end]!
      if (byte === 10 || byte === 13) break
      if (byte > 127) isAscii = false
    }
    if (!isAscii) {
      const line = head.subarray(start, Math.min(end + 1, start + MAX_COMPARED_BYTES))
      parts.push(line)
      length += line.length
    }
    start = end + 1
  }
  return Buffer.concat(parts)
}

function decodeStrictly(bytes: Uint8Array, label: string): string | undefined {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
}

function labelOf(name: string): string {
  try {
    return new TextDecoder(name).encoding
  } catch {
    return ''
  }
}

/** How much the characters beyond ASCII look like words of a language that is written in the encoding, -4 to 1. */
function likeness(text: string, { languages, weight }: Candidate): number {
  const chars = [...text]
  const letters: string[] = []
  let total = 0
  let count = 0
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!
    if (char.codePointAt(0)! < 128) continue
    count++
    const place = placeOf(char, chars[at - 1] ?? ' ', chars[at + 1] ?? ' ')
    if (place === undefined) letters.push(char)
    else total += place
  }
  const known = Math.max(...languages.map((language) => letters.reduce((sum, letter) => sum + (language.test(letter) ? 1 : 0), 0)))
  return count === 0 ? 0 : (total + (known + (letters.length - known) * FOREIGN_LETTER) * weight) / count
}

/** What a character counts for by its neighbours; undefined where it is a letter that may well stand there. */
function placeOf(char: string, before: string, after: string): number | undefined {
  if (BROKEN.test(char)) return -4
  if (!LETTER.test(char)) {
    if (ASCII_LETTER.test(before) && ASCII_LETTER.test(after) && !/[\u2019\u2013\u2014\u00a0\u00ad]/.test(char)) return -1.5
    return USUAL_SIGN.test(char) ? 0.85 : -0.4
  }
  if (SEPARATE_SCRIPT.test(char)) {
    // Each of these scripts stands in words of its own.
    if (ASCII_LETTER.test(before) || ASCII_LETTER.test(after)) return -1.5
    if (before.charCodeAt(0) < 128 && after.charCodeAt(0) < 128) return 0
    // Half-width katakana: single bytes that other encodings are full of.
    if (HALF_WIDTH.test(char)) return HALF_WIDTH.test(before) || HALF_WIDTH.test(after) ? 0.75 : -1
  }
  return UPPER.test(char) && (LOWER.test(before) || (LETTER.test(before) && LOWER.test(after))) ? -1 : undefined
}
