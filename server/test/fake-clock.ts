import type { Clock } from '../tracker.ts'

interface FakeTimer {
  dueAt: number
  repeatMs: number | undefined
  callback: () => void
  isUnrefed: boolean
  unref(): void
}

/** A clock that stands still until told to move, and runs the timers it passes, in order. */
export class FakeClock implements Clock {
  readonly #timers = new Set<FakeTimer>()
  #elapsedMs = 0
  /** Wall clock time, which a test may set back as an administrator would; timers do not follow it. */
  wallTime: number

  constructor(wallTime = 1_700_000_000_000) {
    this.wallTime = wallTime
  }

  readonly now = () => this.wallTime
  readonly setTimeout = (callback: () => void, ms: number) => this.#add(callback, ms, undefined)
  readonly setInterval = (callback: () => void, ms: number) => this.#add(callback, ms, ms)
  readonly clearTimeout = (handle: unknown) => void this.#timers.delete(handle as FakeTimer)
  readonly clearInterval = this.clearTimeout

  get pendingTimers(): number {
    return this.#timers.size
  }

  get keepsProcessAlive(): boolean {
    return [...this.#timers].some((timer) => !timer.isUnrefed)
  }

  advance(ms: number): void {
    const end = this.#elapsedMs + ms
    for (let next = this.#nextDue(end); next; next = this.#nextDue(end)) {
      this.#moveTo(next.dueAt)
      if (next.repeatMs === undefined) this.#timers.delete(next)
      else next.dueAt += next.repeatMs
      next.callback()
    }
    this.#moveTo(end)
  }

  #moveTo(elapsedMs: number): void {
    this.wallTime += elapsedMs - this.#elapsedMs
    this.#elapsedMs = elapsedMs
  }

  #nextDue(end: number): FakeTimer | undefined {
    return [...this.#timers].filter((timer) => timer.dueAt <= end).sort((a, b) => a.dueAt - b.dueAt)[0]
  }

  #add(callback: () => void, ms: number, repeatMs: number | undefined): FakeTimer {
    const timer: FakeTimer = {
      dueAt: this.#elapsedMs + ms,
      repeatMs,
      callback,
      isUnrefed: false,
      unref() {
        this.isUnrefed = true
      },
    }
    this.#timers.add(timer)
    return timer
  }
}
