import { isBusy, type Db } from '../db/open.ts'

/**
 * Write transactions of one thread. SQLite lets one connection write at a time and does not queue the others fairly,
 * so each transaction first takes its turn among the app's own writers; only then may it wait for other programs.
 */
export class WriteTransactions {
  readonly #db: Db
  readonly #takeTurn: () => Promise<void>
  readonly #endTurn: () => void
  readonly #busyTimeoutMs: number
  readonly #checkStop: () => void

  /**
   * @param checkStop throws where the work is to be given up; asked before each try, so a wait ends soon after a stop
   */
  constructor(db: Db, turns: { take: () => Promise<void>, end: () => void }, busyTimeoutMs: number, checkStop: () => void) {
    this.#db = db
    this.#takeTurn = turns.take
    this.#endTurn = turns.end
    this.#busyTimeoutMs = busyTimeoutMs
    this.#checkStop = checkStop
  }

  /**
   * Run the work in one transaction: whole or not at all.
   * @throws SqliteError SQLITE_BUSY where another program held the lock for longer than the busy timeout
   */
  async run<T>(work: () => T): Promise<T> {
    await this.#takeTurn()
    try {
      this.#begin()
      try {
        const result = work()
        this.#db.exec('COMMIT')
        return result
      } catch (error) {
        if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
        throw error
      }
    } finally {
      this.#endTurn()
    }
  }

  #begin(): void {
    const deadline = performance.now() + this.#busyTimeoutMs
    for (;;) {
      this.#checkStop()
      try {
        // IMMEDIATE takes the write lock at once: a read that later wants to write can fail where waiting would not help.
        this.#db.exec('BEGIN IMMEDIATE')
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw error
      }
    }
  }
}
