/** The files that imports are measured with, and how the sqlite3 command line tool imports them. */
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { dataFile, type DataFile, type Shape } from '../generate.ts'
import { runCommand, type Ended } from './processes.ts'
import type { Settings } from './part.ts'

/** Rows at scale 1. */
const ROWS: Partial<Record<Shape, number>> = { narrow: 2_000_000, wide: 400_000, veryWide: 20_000 }

const UPSERTED_ROWS = 1_000_000

export interface ImportCase {
  name: string
  file: DataFile
  /** Rows with the same keys that are in the table before. */
  onto?: DataFile
}

/** The column of `onto` and of the file that tells rows apart. */
export const KEY = 'id'

const UPDATED = ['host', 'port', 'score', 'state']

export async function importCases({ folder, scale, shapes }: Settings): Promise<ImportCase[]> {
  const cases: ImportCase[] = []
  for (const shape of shapes) {
    const file = await dataFile(folder, shape, Math.round((ROWS[shape] ?? 0) * scale))
    cases.push({ name: String(shape), file })
  }
  return cases
}

export async function upsertCase({ folder, scale }: Settings): Promise<ImportCase> {
  const rows = Math.round(UPSERTED_ROWS * scale)
  return { name: 'upsert', file: await dataFile(folder, 'narrow', rows, 2), onto: await dataFile(folder, 'narrow', rows, 1) }
}

/** `1,234,567 rows, 76.0 MB` */
export const sizeOf = ({ file, onto }: ImportCase): string =>
  `${file.rows.toLocaleString('en')} rows, ${(file.bytes / 1e6).toFixed(0)} MB${onto ? `, onto ${onto.rows.toLocaleString('en')} rows with the same keys` : ''}`

/** A folder that holds what was there before an import, made once and copied for each run. */
export class Base {
  readonly #folder: string
  readonly #origin: string | undefined

  private constructor(folder: string, origin: string | undefined) {
    this.#folder = folder
    this.#origin = origin
  }

  /** @param prepare makes what is there before; an empty folder where absent */
  static async make(folder: string, name: string, prepare?: (folder: string) => Promise<unknown>): Promise<Base> {
    const base = new Base(join(folder, `${name}-run`), prepare && join(folder, `${name}-base`))
    await base.remove()
    if (prepare) {
      await mkdir(base.#origin!, { recursive: true })
      await prepare(base.#origin!)
    }
    return base
  }

  /** Do something in a fresh copy. */
  async use<T>(work: (folder: string) => Promise<T>): Promise<T> {
    await rm(this.#folder, { recursive: true, force: true })
    if (this.#origin === undefined) await mkdir(this.#folder, { recursive: true })
    else await cp(this.#origin, this.#folder, { recursive: true })
    try {
      return await work(this.#folder)
    } finally {
      await rm(this.#folder, { recursive: true, force: true })
    }
  }

  async remove(): Promise<void> {
    if (this.#origin !== undefined) await rm(this.#origin, { recursive: true, force: true })
  }
}

/** A database of the command line tool, with a key where rows are going to be updated. */
export async function prepareCliBase(folder: string, { onto }: ImportCase): Promise<void> {
  if (onto) await runCommand('sqlite3', [join(folder, 'cli.db')], `PRAGMA journal_mode = WAL;\n.import --csv ${onto.path} t\nCREATE UNIQUE INDEX by_key ON t (${KEY});\n`)
}

/** What `.import` does with a file, into a table with that index where there are rows before. */
export async function importByCli(folder: string, { file, onto }: ImportCase): Promise<Ended> {
  const upsert = `INSERT INTO t SELECT * FROM new WHERE true ON CONFLICT (${KEY}) DO UPDATE SET ${UPDATED.map((name) => `${name} = excluded.${name}`).join(', ')};\nDROP TABLE new;\n`
  return runCommand('sqlite3', [join(folder, 'cli.db')], `PRAGMA journal_mode = WAL;\n.import --csv ${file.path} ${onto ? `new\n${upsert}` : 't\n'}`)
}
