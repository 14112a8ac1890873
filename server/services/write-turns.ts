/**
 * Who may write to the database next, first come, first served. SQLite lets one connection write at a time but does
 * not queue the others fairly: without turns a busy import could keep another one waiting past its busy timeout.
 */
export class WriteTurns {
  readonly #waiting: ((release: () => void) => void)[] = []
  #isTaken = false

  /** Wait for the turn. @returns what gives it back; calling that again does nothing */
  async take(): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#next()
    })
  }

  #next(): void {
    if (this.#isTaken) return
    const grant = this.#waiting.shift()
    if (!grant) return
    this.#isTaken = true
    let isReleased = false
    grant(() => {
      if (isReleased) return
      isReleased = true
      this.#isTaken = false
      this.#next()
    })
  }
}
