/** Seeded CSV files to measure with: the same arguments give the same bytes on every machine. */
import { createWriteStream } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import { csvLine } from '../server/csv/write.ts'

/** mulberry32: small, fast and good enough for made-up data. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const WORDS = 'server patch kernel buffer overflow remote local denial service upgrade vendor module request session token cache index'.split(' ')

type Row = (number: number, next: () => number) => string[]

const pick = <T>(values: readonly T[], next: () => number): T => values[Math.floor(next() * values.length)]!

const words = (count: number, next: () => number): string => Array.from({ length: count }, () => pick(WORDS, next)).join(' ')

/** Short columns without quotes: about 38 bytes a row. */
const narrow: Row = (number, next) => [
  String(number), `host-${Math.floor(next() * 10_000)}.lan`, String(Math.floor(next() * 65_536)), (next() * 10).toFixed(1), pick(['open', 'closed', 'fixed'], next),
]

/** Quoted text with commas, doubled quotes and line breaks: about 465 bytes a row. */
const wide: Row = (number, next) => [
  `F-${String(number).padStart(8, '0')}`, `host-${Math.floor(next() * 10_000)}.example.com`, `10.${Math.floor(next() * 256)}.${Math.floor(next() * 256)}.1`,
  String(Math.floor(next() * 65_536)), `CVE-${2015 + Math.floor(next() * 12)}-${1000 + Math.floor(next() * 48_000)}`, `${words(3, next)}, ${words(2, next)}`,
  `"${words(4, next)}" in ${words(2, next)}`, (next() * 10).toFixed(1), pick(['Critical', 'High', 'Medium', 'Low'], next), '2026-03-17', '2026-11-23T08:15:00Z',
  `${words(9, next)},\n${words(7, next)}`, `${words(14, next)}. "${words(3, next)}"`, pick(['Open', 'Fixed', ''], next), words(2, next), '', String(Math.floor(next() * 1e9)),
]

/** Eight columns of every type, with gaps, few and many different values: about 95 bytes a row. For measuring reads. */
const typed: Row = (number, next) => [
  String(number), `host-${Math.floor(next() * 200_000)}.example.com`, next() < 0.02 ? '' : String(Math.floor(next() * 65_536)), (next() * 10).toFixed(1),
  pick(['critical', 'high', 'medium', 'low', 'info'], next), `2026-${String(1 + Math.floor(next() * 12)).padStart(2, '0')}-${String(1 + Math.floor(next() * 28)).padStart(2, '0')}`,
  next() < 0.1 ? '' : pick(WORDS, next), words(3, next),
]

/** Numbers and short words in turns, as many as there are columns. */
const columns = (count: number): { header: string[], row: Row } => ({
  header: Array.from({ length: count }, (_, index) => `c${index + 1}`),
  row: (number, next) => Array.from({ length: count }, (_, index) => {
    if (index === 0) return String(number)
    return index % 2 === 0 ? String(Math.floor(next() * 1e6)) : pick(WORDS, next)
  }),
})

const SHAPES = {
  narrow: { header: ['id', 'host', 'port', 'score', 'state'], row: narrow },
  wide: {
    header: ['finding', 'host', 'ip', 'port', 'cve', 'title', 'summary', 'cvss', 'severity', 'first_seen', 'last_seen', 'description', 'solution', 'status', 'owner', 'note', 'plugin'],
    row: wide,
  },
  veryWide: columns(1000),
  typed: { header: ['id', 'host', 'port', 'score', 'severity', 'seen', 'owner', 'title'], row: typed },
} satisfies Record<string, { header: string[], row: Row }>

/** A shape of its own, or a number of columns. */
export type Shape = keyof typeof SHAPES | number

/** Write a file of that many rows, with LF line ends. */
export async function generate(path: string, shape: Shape, rows: number, seed = 1): Promise<void> {
  const next = random(seed)
  const { header, row } = typeof shape === 'number' ? columns(shape) : SHAPES[shape]
  const out = createWriteStream(path, { highWaterMark: 2 ** 20 })
  const line = (fields: string[]): string => csvLine(fields).replace(/\r\n$/, '\n')
  let text = line(header)
  for (let number = 1; number <= rows; number++) {
    text += line(row(number, next))
    if (text.length > 2 ** 18 || number === rows) {
      if (!out.write(text)) await once(out, 'drain')
      text = ''
    }
  }
  out.end()
  await once(out, 'finish')
}

/** A generated file, and how large it is. */
export interface DataFile {
  path: string
  rows: number
  bytes: number
}

/** A file of that many rows, which is made where it is not there yet. */
export async function dataFile(folder: string, shape: Shape, rows: number, seed = 1): Promise<DataFile> {
  const path = join(folder, `${typeof shape === 'number' ? `columns${shape}` : shape}-${rows}-${seed}.csv`)
  const known = await stat(path).catch(() => undefined)
  if (!known) {
    // A file under its own name is whole.
    await generate(`${path}.part`, shape, rows, seed)
    await rename(`${path}.part`, path)
  }
  return { path, rows, bytes: (known ?? await stat(path)).size }
}
