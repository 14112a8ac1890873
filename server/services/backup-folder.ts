import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault, quoted } from '../faults.ts'

/** A backup's file as the folder shows it. */
export interface BackupFile {
  name: string
  bytes: number
  modifiedMs: number
}

/** Names that SQLite databases go by. Anything else in the folder is none of ours. */
const DATABASE_NAME = /^[^.].*\.(db|db3|sqlite|sqlite3)$/i

/** Files that are not whole yet. The leading dot keeps them out of every listing. */
const PARTIAL_NAME = /^\..*\.part(-journal|-wal|-shm)?$/

/** What SQLite may leave beside a database. */
const COMPANIONS = ['-journal', '-wal', '-shm'] as const

/** Longest name that a file which was sent keeps, in characters. */
const MAX_STEM_LENGTH = 100

/** And in bytes of UTF-8: file systems take 255, a number, an extension and those of SQLite's companions included. */
const MAX_STEM_BYTES = 200

/** The folder of backups. Which there are is what lies in it, and nothing else. */
export class BackupFolder {
  readonly path: string
  /** Names that somebody has been promised. */
  readonly #promised = new Set<string>()

  constructor(path: string) {
    this.path = path
  }

  /** Make the folder and remove what a crash has left half written in it. */
  async open(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 })
    await this.#remove((name) => PARTIAL_NAME.test(name))
  }

  async list(): Promise<BackupFile[]> {
    const entries = await readdir(this.path, { withFileTypes: true })
    const files = await Promise.all(entries.filter((entry) => entry.isFile() && DATABASE_NAME.test(entry.name)).map(async ({ name }) => {
      // It may be deleted while it is being looked at.
      const found = await stat(this.#at(name)).catch(() => null)
      return found && { name, bytes: found.size, modifiedMs: found.mtimeMs }
    }))
    return files.filter((file) => file !== null)
  }

  /** The path of a backup. @throws Fault BACKUP_NOT_FOUND for any name but those in the listing */
  async find(name: string): Promise<string> {
    if (!(await this.list()).some((file) => file.name === name)) throw notFound(name)
    return this.#at(name)
  }

  /** @throws Fault BACKUP_NOT_FOUND */
  async remove(name: string): Promise<void> {
    const path = await this.find(name)
    await rm(path, { force: true })
    for (const companion of COMPANIONS) await rm(path + companion, { force: true })
  }

  /** Where an operation writes what is not whole yet. */
  partial(id: string, what: string): string {
    return this.#at(`.${id}.${what}.part`)
  }

  /** Remove whatever an operation has left half written. */
  async discard(id: string): Promise<void> {
    await this.#remove((name) => name.startsWith(`.${id}.`) && PARTIAL_NAME.test(name))
  }

  /** A name that no backup has and that nobody else is given until `release`. */
  async promise(stem: string, extension = 'db'): Promise<string> {
    const taken = new Set((await this.list()).map(({ name }) => name.toLowerCase()))
    for (let number = 1; ; number++) {
      const name = number === 1 ? `${stem}.${extension}` : `${stem}-${number}.${extension}`
      if (taken.has(name.toLowerCase()) || this.#promised.has(name)) continue
      this.#promised.add(name)
      return name
    }
  }

  release(name: string): void {
    this.#promised.delete(name)
  }

  /** Give a file that is whole and synced its name, so that it is there after a power cut too. */
  async keep(partialPath: string, name: string): Promise<void> {
    await rename(partialPath, this.#at(name))
    const folder = await open(this.path)
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  async #remove(matches: (name: string) => boolean): Promise<void> {
    for (const name of await readdir(this.path)) if (matches(name)) await rm(this.#at(name), { force: true })
  }

  #at(name: string): string {
    return join(this.path, name)
  }
}

const notFound = (name: string): Fault => new Fault('BACKUP_NOT_FOUND', `There is no backup called ${quoted(name)}.`)

/** `2026-11-24-1920`, in local time, for the name of a backup. */
export function timeStamp(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}-${two(at.getHours())}${two(at.getMinutes())}`
}

/** The part of a sent file's name before its extension that can be kept. */
export function stemOf(filename: string): string {
  const stem = filename.normalize('NFC').replace(/^.*[/\\]/s, '').replace(/\.[^.]*$/, '')
  const kept = stem.replace(/[^\p{L}\p{M}\p{N} _.()+-]/gu, '_').replace(/^[. ]+/, '').trim()
  let length = 0
  const fitting = [...kept].slice(0, MAX_STEM_LENGTH).filter((char) => (length += Buffer.byteLength(char)) <= MAX_STEM_BYTES)
  return fitting.join('').trim() || 'uploaded'
}
