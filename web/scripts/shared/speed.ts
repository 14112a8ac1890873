/** Speed of one phase and its curve. Pure. */

/** Enough points for a line 550 pixels wide. */
const MAX_POINTS = 120
/** Speeds are averaged over about this long, so that one slow batch does not make the figure dance. */
const SMOOTHING_MS = 1_500

export interface SpeedPoint {
  /** How far through the phase, 0 to 1. */
  readonly x: number
  /** Bytes or rows per second. */
  readonly rate: number
}

export interface Speed {
  readonly points: readonly SpeedPoint[]
  readonly now: number
  readonly peak: number
  readonly last?: { readonly at: number, readonly amount: number, readonly x: number } | undefined
}

export const NO_SPEED: Speed = { points: [], now: 0, peak: 0 }

export interface Measurement {
  at: number
  /** Bytes or rows done so far in this phase. */
  amount: number
  /** How far through the phase, 0 to 1. */
  x: number
  /** Per second, where somebody nearer the work has measured it. */
  rate?: number | undefined
}

/** Takes in one measurement. Points closer than the drawing can tell apart replace one another. */
export function measure(speed: Speed, { at, amount, x, rate }: Measurement): Speed {
  const last = { at, amount, x }
  let now = rate
  if (now === undefined) {
    if (!speed.last) return { ...speed, last }
    const elapsed = at - speed.last.at
    if (elapsed < 50) return speed
    const measured = Math.max(0, amount - speed.last.amount) / elapsed * 1000
    const old = speed.now === 0 ? 0 : Math.exp(-elapsed / SMOOTHING_MS)
    now = old * speed.now + (1 - old) * measured
  }
  const previous = speed.points.at(-1)
  const tooClose = previous !== undefined && x - previous.x < 1 / MAX_POINTS
  const points = tooClose && speed.points.length > 1
    ? [...speed.points.slice(0, -1), { x: previous.x, rate: now }]
    // The first speed was that of the stretch since the first measurement, so the line begins there.
    : [...speed.points.length === 0 && speed.last ? [{ x: speed.last.x, rate: now }] : speed.points, { x, rate: now }]
  return { points, now, peak: Math.max(speed.peak, now), last }
}

/** A speed of one moment is drawn as long as this, for it to be seen. */
const SHORTEST = 2 / MAX_POINTS

/** SVG path data of the line and of the area under it, for a box of that size. */
export function curve(speed: Speed, width: number, height: number): { line: string, area: string } {
  const last = speed.points.at(-1)
  if (!last || speed.peak === 0) return { line: '', area: '' }
  const isMoment = last.x - speed.points[0]!.x < SHORTEST
  const from = Math.max(0, last.x - SHORTEST)
  const points = isMoment ? [{ ...last, x: from }, { ...last, x: from + SHORTEST }] : speed.points
  // A tenth of the height stays free above the peak, so that the line is never clipped.
  const place = ({ x, rate }: SpeedPoint) => `${(x * width).toFixed(1)} ${(height - rate / speed.peak * height * 0.9).toFixed(1)}`
  const line = `M${points.map(place).join(' L')}`
  return { line, area: `${line} L${(points.at(-1)!.x * width).toFixed(1)} ${height} L${(points[0]!.x * width).toFixed(1)} ${height} Z` }
}
