import { PHASE_WEIGHTS, type ImportPhase } from '../protocol.ts'

/** Segment of an import's bar that a phase belongs to: merging rows into an existing table is part of finishing. */
export const segmentOf = (phase: ImportPhase): keyof typeof PHASE_WEIGHTS => phase === 'merge' ? 'finish' : phase

/** Highest percentage before the commit: 100 is said once it is true. */
const MAX_UNCOMMITTED = 99

/** Memory of a rate, s: older measurements weigh less by a factor of e for each. */
const RATE_MEMORY_S = 8

/** Time left is told only after this share of the work and this much time, s: earlier it would jump. */
const MIN_FRACTION_FOR_ETA = 0.02
const MIN_SECONDS_FOR_ETA = 1

/** Percent of a whole operation that never falls and never says 100 before the end. */
export class OverallPercent<Segment extends string> {
  readonly #weights: Readonly<Record<Segment, number>>
  readonly #segments: Segment[]
  #percent = 0

  /** @param weights share of the bar that each segment owns, in percent, in their order */
  constructor(weights: Readonly<Record<Segment, number>>) {
    this.#weights = weights
    this.#segments = Object.keys(weights) as Segment[]
  }

  /** How many steps people see. */
  get totalSteps(): number {
    return this.#segments.length
  }

  /** 1-based place of a segment among them. */
  stepOf(segment: Segment): number {
    return this.#segments.indexOf(segment) + 1
  }

  /**
   * @param fraction share of the segment, 0 to 1
   * @param unfinished share of segments before it that are still under way meanwhile, 0 to 1
   */
  at(segment: Segment, fraction: number, unfinished: Partial<Record<Segment, number>> = {}): number {
    const before = this.#segments.slice(0, this.#segments.indexOf(segment)).reduce((sum, name) => sum + this.#weights[name] * (unfinished[name] ?? 1), 0)
    const percent = before + this.#weights[segment] * Math.min(1, Math.max(0, fraction))
    this.#percent = Math.max(this.#percent, Math.min(MAX_UNCOMMITTED, percent))
    return this.#percent
  }
}

/** Exponentially weighted rate of a growing count, for measurements at irregular times. */
export class Rate {
  #perSecond = 0
  #weight = 0
  #last: { count: number, atMs: number } | undefined

  /** @param atMs a monotonic clock */
  measure(count: number, atMs: number): void {
    const last = this.#last
    this.#last = { count, atMs }
    if (!last) return
    const seconds = (atMs - last.atMs) / 1000
    if (seconds <= 0) return
    const keep = Math.exp(-seconds / RATE_MEMORY_S)
    this.#perSecond = this.#perSecond * keep + ((count - last.count) / seconds) * (1 - keep)
    this.#weight = this.#weight * keep + (1 - keep)
  }

  /** Undefined until two measurements have been taken. */
  get perSecond(): number | undefined {
    return this.#weight > 0 ? this.#perSecond / this.#weight : undefined
  }
}

/** Time left, by what is still to be done. */
export class TimeLeft {
  readonly #done = new Rate()
  readonly #total: number
  #startedMs: number | undefined

  /** @param total in any unit that takes about the same time wherever it comes: bytes, pages */
  constructor(total: number) {
    this.#total = total
  }

  /** @returns seconds, or undefined while it cannot be told */
  measure(done: number, atMs: number): number | undefined {
    this.#startedMs ??= atMs
    this.#done.measure(done, atMs)
    const rate = this.#done.perSecond
    const isEarly = done / this.#total < MIN_FRACTION_FOR_ETA || atMs - this.#startedMs < MIN_SECONDS_FOR_ETA * 1000
    return isEarly || rate === undefined || rate <= 0 ? undefined : Math.max(0, this.#total - done) / rate
  }
}
