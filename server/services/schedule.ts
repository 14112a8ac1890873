import { Cron } from 'croner'
import type { Clock } from '../tracker.ts'
import { unref, type TimerHandle } from '../throttle.ts'

/** Longest time a timer is set for, ms: Node's own limit is a little above 24 days. */
const MAX_TIMER_MS = 86_400_000

/** Pause before another try where something else was running, ms. */
const RETRY_MS = 60_000

/** Time and one-shot timers. */
export type ScheduleClock = Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>

export interface ScheduledWork {
  /** Begin the work. @returns false where it cannot begin now because something else runs */
  begin: () => Promise<boolean>
  onSkip: () => void
}

/**
 * Begins a piece of work at the times that a cron expression names, in local time. Where it cannot begin then it tries
 * again every minute, until its next time has come, and then skips the one before.
 */
export class Schedule {
  readonly cron: string
  readonly #times: Cron
  readonly #work: ScheduledWork
  readonly #clock: ScheduleClock
  #timer: TimerHandle | undefined
  #nextAt: number | null

  constructor(cron: string, work: ScheduledWork, clock: ScheduleClock) {
    this.cron = cron
    this.#times = new Cron(cron, { paused: true })
    this.#work = work
    this.#clock = clock
    this.#nextAt = this.#following(clock.now())
    this.#wait()
  }

  /** When it is going to begin next; null where the expression names no time to come. */
  get nextAt(): number | null {
    return this.#nextAt
  }

  close(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#nextAt = null
  }

  #following(after: number): number | null {
    return this.#times.nextRun(new Date(after))?.getTime() ?? null
  }

  #wait(): void {
    if (this.#nextAt === null) return
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, this.#nextAt - this.#clock.now()))
    this.#timer = this.#clock.setTimeout(() => this.#wake(), ms)
    unref(this.#timer)
  }

  #wake(): void {
    const dueAt = this.#nextAt
    // A timer that was cut short, or a clock that was set back.
    if (dueAt === null || this.#clock.now() < dueAt) return this.#wait()
    this.#nextAt = this.#following(Math.max(dueAt, this.#clock.now()))
    void this.#begin(this.#nextAt)
    this.#wait()
  }

  async #begin(untilMs: number | null): Promise<void> {
    if (await this.#work.begin() || this.#nextAt === null) return
    const againAt = this.#clock.now() + RETRY_MS
    if (untilMs !== null && againAt >= untilMs) this.#work.onSkip()
    else unref(this.#clock.setTimeout(() => void this.#begin(untilMs), RETRY_MS))
  }
}

/** @throws RangeError saying what a cron expression looks like */
export function checkCron(text: string): string {
  try {
    new Cron(text, { paused: true })
    return text
  } catch {
    throw new RangeError('a cron expression such as "0 3 * * *" (every day at 03:00)')
  }
}
