/** Figures that operations of more than one kind show. Pure. */
import { roughly } from './eta.ts'
import { byteRate, bytes, bytesOf, clock, count } from './format.ts'
import type { Fact } from './operation-words.ts'
import { isAllSent, type ProgressState } from './progress-state.ts'
import type { Rich } from './rich.ts'

export const elapsedFact = ({ startedAt }: ProgressState, now: number): Fact => ({ label: 'Elapsed', value: clock(now - startedAt), hint: '' })

export const sizeFact = ({ bytesTotal }: ProgressState): Fact => ({ label: 'Size', value: bytesTotal === undefined ? 'unknown' : bytes(bytesTotal), hint: '' })

export const uploadedFact = ({ bytesDone, bytesTotal }: ProgressState): Fact =>
  ({ label: 'Uploaded', value: bytes(bytesDone), hint: bytesTotal === undefined ? '' : `of ${bytes(bytesTotal)}` })

export const byteSpeedFact = ({ speed }: ProgressState, lost: boolean): Fact => ({ label: 'Speed', value: byteRate(speed.now), hint: lost ? 'last known' : '' })

/** Speed of rows. */
export const rowSpeedFact = ({ speed }: ProgressState, lost: boolean): Fact =>
  ({ label: 'Speed', value: `${count(speed.now)} /s`, hint: lost ? 'last known' : speed.peak > 0 ? `peak ${count(speed.peak)}` : '' })

export const uploadAmount = ({ bytesDone, bytesTotal }: ProgressState): string => bytesTotal === undefined ? '' : bytesOf(bytesDone, bytesTotal)

/** Headline and subline of every upload. */
export const uploadWords = (state: ProgressState): [string, string] => [bytesOf(state.bytesDone, state.bytesTotal ?? state.bytesDone), uploadLeft(state)]

/** What may be closed while a file is on its way that this tab does not send, or not any more. */
export const uploadNote = (state: ProgressState): Rich => [isAllSent(state)
  ? 'You may close this tab. The server works on its own from here.'
  : 'Another tab is uploading this file. You may close this one.']

function uploadLeft(state: ProgressState): string {
  const { bytesDone, bytesTotal, speed } = state
  if (isAllSent(state)) return 'all sent, the server is taking it in'
  if (speed.now <= 0 || bytesTotal === undefined) return 'uploading'
  const seconds = (bytesTotal - bytesDone) / speed.now
  return `upload done in about ${seconds < 10 ? `${Math.max(1, Math.ceil(seconds))} s` : roughly(seconds)}`
}
