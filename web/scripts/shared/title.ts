/** The window's title: the page, or how far an operation is, so that it can be seen from another tab. Pure. */
import type { Job } from './jobs.ts'
import { outcomeView } from './outcome-view.ts'
import { wordsOf } from './progress-view.ts'

const PRODUCT = 'HexTrackr'

/** @param shown the operation in the dialog, or the one that ended while nobody was looking */
export function windowTitle(page: string, shown: Job | undefined, own: readonly Job[]): string {
  const running = shown ?? own.find(({ state }) => state.stage !== 'held' && state.stage !== 'ended')
  if (!running) return page === '' ? PRODUCT : `${page} — ${PRODUCT}`
  const { state } = running
  const word = state.outcome ? outcomeView(state, state.outcome, false).word : `${Math.floor(state.percent)}%`
  return `${word} ${state.filename || wordsOf(state).name} — ${PRODUCT}`
}
