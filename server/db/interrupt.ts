import { Fault } from '../faults.ts'
import type { Db } from './open.ts'

const ALIVE = '_hextrackr_alive'

/** Rows between two looks, less one: a power of two. A look costs a call of JavaScript, about 0.3 µs. */
const LOOK_MASK = 4095

/**
 * SQL that is true of every row, and ends the statement once the query has been given up. better-sqlite3 cannot
 * interrupt a statement, and a worker thread's `terminate()` waits for native code; a function that throws ends it at once.
 */
export const WHILE_WANTED = `(_rowid_ & ${LOOK_MASK} OR ${ALIVE}())`

/** Whether somebody still waits for an answer: one word that the main thread sets and a statement reads. */
export class Interrupt {
  readonly buffer: SharedArrayBuffer
  readonly #word: Int32Array

  constructor(buffer = new SharedArrayBuffer(4)) {
    this.buffer = buffer
    this.#word = new Int32Array(buffer)
  }

  give(): void {
    Atomics.store(this.#word, 0, 1)
  }

  /** @throws Fault CANCELLED */
  throwIfGiven(): void {
    if (Atomics.load(this.#word, 0) === 1) throw new Fault('CANCELLED', 'Nobody waits for this answer any more.')
  }
}

/** Make `WHILE_WANTED` usable on a connection. @param current the interrupt of the query that runs now */
export function registerInterrupt(db: Db, current: () => Interrupt | undefined): void {
  db.function(ALIVE, { deterministic: false }, () => {
    current()?.throwIfGiven()
    return 1
  })
}
