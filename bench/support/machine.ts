import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import Database from 'better-sqlite3'

function versionOf(command: string): string {
  try {
    return execFileSync(command, ['--version'], { encoding: 'utf8' }).split(' ')[0]!.trim()
  } catch {
    return 'not installed'
  }
}

/** Version of the `sqlite3` command line tool, or that there is none. */
export const CLI_VERSION = versionOf('sqlite3')

export const HAS_CLI = CLI_VERSION !== 'not installed'

/** What figures depend on, in one line: when, on what machine, how busy it was already, and with which versions. */
export function describeMachine(): string {
  const db = new Database(':memory:')
  const sqlite = db.prepare<[], string>('SELECT sqlite_version()').pluck().get()!
  db.close()
  return [
    new Date().toISOString().slice(0, 16).replace('T', ' '), `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores`, `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${type()} ${release()}`, `load ${loadavg()[0]!.toFixed(1)}`, `Node ${process.versions.node}`, `SQLite ${sqlite}`, `sqlite3 CLI ${CLI_VERSION}`,
  ].join(' · ')
}
