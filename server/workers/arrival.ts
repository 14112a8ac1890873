/** Stands in the counter's lowest bit when no more bytes will come. */
const WHOLE = 1n

/**
 * How much of a file has arrived, shared by the main thread, which writes the file, and a thread that reads it meanwhile.
 * One number holds both the count of bytes and whether they are all, so that no reader ever sees one without the other.
 */
export class Arrival {
  readonly buffer: SharedArrayBuffer
  readonly #state: BigInt64Array

  constructor(buffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer
    this.#state = new BigInt64Array(buffer)
  }

  /** @param bytes of the file that can be read by now */
  advance(bytes: number): void {
    this.#set(BigInt(bytes) << 1n)
  }

  /** @param bytes of the file, all of which can be read */
  end(bytes: number): void {
    this.#set(BigInt(bytes) << 1n | WHOLE)
  }

  /**
   * Wait until so many bytes can be read, or all that there are. Blocks the thread.
   * @returns how many can be read
   */
  waitFor(bytes: number): number {
    for (;;) {
      const state = Atomics.load(this.#state, 0)
      const arrived = Number(state >> 1n)
      if (arrived >= bytes || (state & WHOLE) === WHOLE) return arrived
      Atomics.wait(this.#state, 0, state)
    }
  }

  #set(state: bigint): void {
    Atomics.store(this.#state, 0, state)
    Atomics.notify(this.#state, 0)
  }
}
