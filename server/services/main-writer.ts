import { setTimeout as sleep } from 'node:timers/promises'
import { isBusy, openWriter, type Db } from '../db/open.ts'
import { Fault } from '../faults.ts'
import type { WriteTurns } from './write-turns.ts'

/** Pause between two tries for a lock that another program holds, ms. */
const RETRY_PAUSE_MS = 25

/**
 * The main thread's own short writes. They never wait inside SQLite, since that would stop the event loop:
 * where another program holds the lock they try again a little later.
 */
export class MainWriter {
  #db: Db
  readonly #path: string
  readonly #turns: WriteTurns
  readonly #busyTimeoutMs: number

  constructor(path: string, turns: WriteTurns, busyTimeoutMs: number) {
    this.#db = openWriter(path, 0)
    this.#path = path
    this.#turns = turns
    this.#busyTimeoutMs = busyTimeoutMs
  }

  /** For reads by key as well, which take microseconds and never wait in write-ahead logging. */
  get db(): Db {
    return this.#db
  }

  /** Open the database anew, since another content is in it, and perhaps in another encoding of text. */
  reopen(): void {
    this.#db.close()
    this.#db = openWriter(this.#path, 0)
  }

  /**
   * Run short work in one transaction.
   * @param patienceMs how long to wait for another program's lock
   * @throws SqliteError SQLITE_BUSY where that was not enough
   */
  async run<T>(work: (db: Db) => T, patienceMs = this.#busyTimeoutMs): Promise<T> {
    const deadline = performance.now() + patienceMs
    for (;;) {
      if (!this.db.open) throw new Fault('INTERRUPTED', 'The server is stopping.')
      const release = await this.#turns.take()
      try {
        return this.db.transaction(() => work(this.db)).immediate()
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw error
      } finally {
        release()
      }
      await sleep(RETRY_PAUSE_MS)
    }
  }

  close(): void {
    this.db.close()
  }
}
