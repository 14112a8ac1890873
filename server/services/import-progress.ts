import { PHASE_WEIGHTS, type ImportPhase } from '../protocol.ts'

/** The segments of the bar in order; merging rows into an existing table is part of finishing. */
const SEGMENTS = ['upload', 'analyse', 'import', 'finish'] as const

type Segment = typeof SEGMENTS[number]

const segmentOf = (phase: ImportPhase): Segment => phase === 'merge' ? 'finish' : phase

/** Highest percentage before the commit: 100 is said once it is true. */
const MAX_UNCOMMITTED = 99

/** Memory of a rate, s: older measurements weigh less by a factor of e for each. */
const RATE_MEMORY_S = 8

/** Time left is told only after this share of the file and this much time, s: earlier it would jump. */
const MIN_FRACTION_FOR_ETA = 0.02
const MIN_SECONDS_FOR_ETA = 1

/** 1-based place of a phase among the steps that people see. */
export const stepOf = (phase: ImportPhase): number => SEGMENTS.indexOf(segmentOf(phase)) + 1

export const TOTAL_STEPS = SEGMENTS.length

/** Percent of a whole import that never falls and never says 100 before the commit. */
export class OverallPercent {
  #percent = 0

  /** @param fraction share of the phase, 0 to 1 */
  at(phase: ImportPhase, fraction: number): number {
    const segment = segmentOf(phase)
    const before = SEGMENTS.slice(0, SEGMENTS.indexOf(segment)).reduce((sum, name) => sum + PHASE_WEIGHTS[name], 0)
    const percent = before + PHASE_WEIGHTS[segment] * Math.min(1, Math.max(0, fraction))
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

/** Time left of an import's import phase, by the bytes still to be read. */
export class TimeLeft {
  readonly #bytes = new Rate()
  readonly #bytesTotal: number
  #startedMs: number | undefined

  constructor(bytesTotal: number) {
    this.#bytesTotal = bytesTotal
  }

  /** @returns seconds, or undefined while it cannot be told */
  measure(bytesDone: number, atMs: number): number | undefined {
    this.#startedMs ??= atMs
    this.#bytes.measure(bytesDone, atMs)
    const rate = this.#bytes.perSecond
    const isEarly = bytesDone / this.#bytesTotal < MIN_FRACTION_FOR_ETA || atMs - this.#startedMs < MIN_SECONDS_FOR_ETA * 1000
    return isEarly || rate === undefined || rate <= 0 ? undefined : Math.max(0, this.#bytesTotal - bytesDone) / rate
  }
}
