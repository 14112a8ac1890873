import { Fault } from '../faults.ts'

/** Whether a restore is under way. Until it has ended nothing else may change the database. */
export class RestoreGate {
  #isClosed = false

  close(): void {
    this.#isClosed = true
  }

  open(): void {
    this.#isClosed = false
  }

  /** @throws Fault RESTORE_RUNNING */
  check(): void {
    if (this.#isClosed) throw new Fault('RESTORE_RUNNING', 'A restore is running. Wait for it to end, or cancel it.')
  }
}
