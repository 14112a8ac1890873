/**
 * Time left, told so that a person can trust it: smoothed, never jumping up for a moment's stall, rounded to what it is
 * worth. Pure: every function takes the time it is and returns a new value.
 */

/** Weight of old measurements falls to 1/e after this long. */
const MEMORY_MS = 8_000
/** A phase must have run this long, and moved this far, before its speed says anything. */
const WARM_UP_MS = 3_000
const WARM_UP_PERCENT = 2
/** The shown time rises only when it is this much too low for this long. */
const RAISE_FACTOR = 1.15
const RAISE_AFTER_MS = 3_000

export interface Pace {
  readonly since: number
  readonly from: number
  readonly at: number
  readonly percent: number
  /** Percent per millisecond; 0 until it is known. */
  readonly rate: number
}

export const startPace = (percent: number, at: number): Pace => ({ since: at, from: percent, at, percent, rate: 0 })

/** Takes in that the bar stands at `percent` now. Steps may come at any interval. */
export function keepPace(pace: Pace, percent: number, at: number): Pace {
  const elapsed = at - pace.at
  if (elapsed <= 0) return pace
  const measured = Math.max(0, percent - pace.percent) / elapsed
  const old = pace.rate === 0 ? 0 : Math.exp(-elapsed / MEMORY_MS)
  return { ...pace, at, percent, rate: old * pace.rate + (1 - old) * measured }
}

/** Seconds to 100 percent at this pace, or undefined while it is too early to say. */
export function secondsLeft(pace: Pace): number | undefined {
  if (pace.rate <= 0 || pace.at - pace.since < WARM_UP_MS || pace.percent - pace.from < WARM_UP_PERCENT) return undefined
  return (100 - pace.percent) / pace.rate / 1000
}

export interface ShownEta {
  readonly seconds: number
  readonly at: number
  /** Since when the estimate has been clearly above what is shown. */
  readonly tooLowSince?: number
}

/** What to show when the newest estimate is `estimate`: counts down by itself, follows good news at once and bad news late. */
export function settleEta(shown: ShownEta | undefined, estimate: number | undefined, at: number): ShownEta | undefined {
  if (estimate === undefined) return shown
  if (!shown) return { seconds: estimate, at }
  const expected = Math.max(0, shown.seconds - (at - shown.at) / 1000)
  if (estimate <= expected) return { seconds: estimate, at }
  if (estimate <= expected * RAISE_FACTOR) return { seconds: expected, at }
  const tooLowSince = shown.tooLowSince ?? at
  return at - tooLowSince >= RAISE_AFTER_MS ? { seconds: estimate, at } : { seconds: expected, at, tooLowSince }
}

/** `A few seconds left`, `About 50 s left`, `About 1 min 10 s left`, `About 12 min left`. */
export function etaText(seconds: number): string {
  if (seconds < 10) return 'A few seconds left'
  return `About ${roughly(seconds)} left`
}

/** Ten-second steps under ten minutes, whole minutes above. */
export function roughly(seconds: number): string {
  const tens = Math.max(10, Math.round(seconds / 10) * 10)
  if (tens < 60) return `${tens} s`
  if (tens < 600) return `${Math.floor(tens / 60)} min${tens % 60 ? ` ${tens % 60} s` : ''}`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`
}
