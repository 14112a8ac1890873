import { Fault } from '../faults.ts'

/** States of an operation that both its thread and the main thread act on. */
export const RUNNING = 0
export const CANCELLED = 1
export const INTERRUPTED = 2
/** The last transaction has begun: it can no longer be stopped. */
export const COMMITTING = 3

/**
 * A word shared by an operation's thread and the main thread that settles who comes first, a stop or the commit:
 * either the stop is honoured and nothing of the operation stays, or it is refused and the operation completes.
 */
export class Control {
  readonly buffer: SharedArrayBuffer
  readonly #state: Int32Array
  readonly #what: string

  /** @param what the operation in people's words: "import" */
  constructor(what: string, buffer = new SharedArrayBuffer(4)) {
    this.buffer = buffer
    this.#what = what
    this.#state = new Int32Array(buffer)
  }

  get state(): number {
    return Atomics.load(this.#state, 0)
  }

  /** @returns false where the operation can no longer be stopped */
  stop(reason: typeof CANCELLED | typeof INTERRUPTED): boolean {
    return Atomics.compareExchange(this.#state, 0, RUNNING, reason) !== COMMITTING
  }

  /** @returns false where a stop came first */
  beginCommit(): boolean {
    return Atomics.compareExchange(this.#state, 0, RUNNING, COMMITTING) === RUNNING
  }

  /** @throws Fault CANCELLED, INTERRUPTED */
  throwIfStopped(): void {
    if (this.state === CANCELLED || this.state === INTERRUPTED) throw this.stopFault()
  }

  /** What a stopped operation ends with. */
  stopFault(): Fault {
    return this.state === INTERRUPTED
      ? new Fault('INTERRUPTED', `The server stopped during this ${this.#what}. It changed nothing.`)
      : new Fault('CANCELLED', `The ${this.#what} was cancelled. Nothing of it was kept.`)
  }
}
