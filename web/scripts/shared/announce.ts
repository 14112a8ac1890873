/** What a screen reader is told of a running operation: each step and each quarter, never every tick. Pure. */
import type { Link } from './link.ts'
import { stepAt, stepIndex } from './operation.ts'
import type { ProgressState } from './progress-state.ts'
import { onTheServer, placeOf } from './progress-view.ts'

/** Speech needs time: nothing is said sooner than this after the last. */
const PAUSE_MS = 10_000

export interface Told {
  readonly at: number
  readonly step: number
  readonly quarter: number
  readonly lost: boolean
}

const quarterOf = (percent: number): number => Math.floor(percent / 25)
const isLost = (link: Link): boolean => link.mode === 'reconnecting' || link.mode === 'polling'

/** Where speaking begins: what the dialog shows when it opens is read with its name. */
export function beginTelling(state: ProgressState, link: Link, at: number): Told {
  return { at, step: stepIndex(state.kind, state.phase), quarter: quarterOf(state.percent), lost: isLost(link) }
}

/** What to say now, if anything, and what has been told then. */
export function tell(told: Told, state: ProgressState, link: Link, at: number): { told: Told, text?: string } {
  const step = stepIndex(state.kind, state.phase)
  const lost = isLost(link)
  if (lost !== told.lost && state.stage === 'running') {
    const text = link.mode === 'reconnecting'
      ? `Connection lost, reconnecting. ${onTheServer(state)}`
      : lost ? 'Live updates unavailable. Checking every 2 seconds instead.' : 'Connected again. Live updates are back.'
    return { told: { ...told, at, lost }, text }
  }
  if (at - told.at < PAUSE_MS || state.stopping) return { told }
  const quarter = quarterOf(state.percent)
  if (step === told.step && quarter === told.quarter) return { told }
  return { told: { at, step, quarter, lost }, text: `${placeOf(state)}, ${stepAt(state.kind, state.phase).label.toLowerCase()}, ${Math.floor(state.percent)} percent.` }
}
