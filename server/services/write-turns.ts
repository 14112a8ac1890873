import { setTimeout as sleep } from 'node:timers/promises'

/** An import writes many times a second; where nobody has for this long, none is writing, ms. */
const IDLE_MS = 500

interface Waiting {
  grant: (release: () => void) => void
  onWanted: (() => void) | undefined
}

/**
 * Who may write to the database next, first come, first served. SQLite lets one connection write at a time but does
 * not queue the others fairly: without turns a busy import could keep another one waiting past its busy timeout.
 */
export class WriteTurns {
  readonly #waiting: Waiting[] = []
  #isTaken = false
  #freeSince = -Infinity
  /** Of who has the turn, until it has been told. */
  #onWanted: (() => void) | undefined

  /**
   * Wait for the turn.
   * @param onWanted called once when somebody else waits for it, which may be before it is told that it was got
   * @returns what gives it back; calling that again does nothing
   */
  async take(onWanted?: () => void): Promise<() => void> {
    return this.#take(onWanted)
  }

  /**
   * Wait until nobody has written for a while, then for the turn: for work that keeps it for long.
   * @param onWanted called once when somebody else waits for the turn
   * @returns what gives it back
   */
  async takeWhenIdle(onWanted: () => void, idleMs = IDLE_MS): Promise<() => void> {
    while (this.#isTaken || performance.now() - this.#freeSince < idleMs) await sleep(idleMs, undefined, { ref: false })
    return this.#take(onWanted)
  }

  #take(onWanted?: () => void): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.push({ grant: resolve, onWanted })
      this.#next()
    })
  }

  #next(): void {
    if (this.#isTaken) {
      const onWanted = this.#onWanted
      this.#onWanted = undefined
      return onWanted?.()
    }
    const next = this.#waiting.shift()
    if (!next) return
    this.#isTaken = true
    this.#onWanted = next.onWanted
    let isReleased = false
    next.grant(() => {
      if (isReleased) return
      isReleased = true
      this.#isTaken = false
      this.#freeSince = performance.now()
      this.#onWanted = undefined
      this.#next()
    })
    // Somebody may have asked before the turn was granted.
    if (this.#waiting.length > 0) this.#next()
  }
}
