import { statSync } from 'node:fs'
import { Fault } from '../faults.ts'
import type { HealthProblem } from '../protocol.ts'

const DETAILS = {
  DATABASE_MISSING: 'The database file is gone. Stop the server, then bring back a backup.',
  DATABASE_REPLACED: 'The database file was replaced while the server ran. Start the server again.',
} as const

/**
 * Notices that the database's file was deleted or replaced under the app. Open connections would go on with the old file,
 * new ones with whatever lies there now, and the old file's log beside it would be taken for the new one's
 * (https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use).
 */
export class DatabaseFile {
  readonly #path: string
  readonly #identity: string | undefined

  /** To be made when the file has been opened. */
  constructor(path: string) {
    this.#path = path
    this.#identity = identityOf(path)
  }

  /** What is wrong with it; undefined where nothing is. */
  get problem(): HealthProblem | undefined {
    const found = identityOf(this.#path)
    if (found === this.#identity) return undefined
    const code = found === undefined ? 'DATABASE_MISSING' : 'DATABASE_REPLACED'
    return { code, detail: DETAILS[code] }
  }

  /** To be called before anything is written. @throws Fault SQLITE_CANTOPEN */
  check(): void {
    const { problem } = this
    if (problem) throw new Fault('SQLITE_CANTOPEN', problem.detail)
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && `${found.dev} ${found.ino}`
}
